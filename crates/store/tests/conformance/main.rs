//! The rules that every engine of the store keeps, told once.
//!
//! A rule is a function of a [`World`]; the macro below makes a test of it for each engine. What only the embedded engine has (files,
//! locks, SQL) is tested beside it.

#![expect(clippy::unwrap_used, reason = "in a test, what goes wrong is to panic where it does")]

mod accepting;
mod credentials;
mod directory;
mod jobs;
mod lanes;
mod ordering;
mod reading;
mod request_settings;
mod retention;
mod sessions;
mod settling;
mod shapes;
mod statistics;
mod switching_off;
mod upkeep;
mod world;

use world::{Embedded, World};

macro_rules! rules {
    ($($module:ident: $($rule:ident),* $(,)?;)*) => {
        mod embedded {
            $($(
                #[tokio::test]
                async fn $rule() {
                    super::$module::$rule(super::World::new(Box::new(super::Embedded::default()))).await;
                }
            )*)*
        }
    };
}

rules! {
    accepting:
        accepted_events_survive_without_closing,
        what_is_noted_of_an_event_stays_and_goes_with_it,
        a_failing_command_fails_alone_and_wholly,
        a_repeated_key_gives_the_first_receipt_and_writes_nothing,
        twins_in_one_group_are_accepted_once,
        a_key_with_another_body_is_refused_and_forgotten_after_a_day,
        a_webhook_switched_off_before_the_commit_discards_at_birth,
        only_deliveries_that_could_wait_count_as_invocations,
        a_closed_store_answers_so;
    settling:
        a_delivery_goes_through_retries_to_its_end,
        our_own_fault_uses_up_no_attempt,
        an_end_is_final_and_a_late_attempt_is_logged,
        five_failures_in_a_row_disable_preset_frontegg,
        a_success_ends_the_streak,
        gone_disables_at_once,
        what_a_former_endpoint_does_is_not_held_against_the_present_one;
    switching_off:
        disabling_discards_what_waits_and_enabling_revives_nothing,
        what_came_after_enabling_is_not_swept,
        a_retry_for_a_webhook_that_is_off_is_discarded,
        what_is_under_way_ends_by_its_answer,
        what_was_under_way_is_not_sent_again_after_enabling,
        what_was_under_way_and_came_to_nothing_is_swept,
        deleting_discards_and_the_log_stays,
        a_resend_is_a_new_delivery_and_needs_an_active_webhook;
    shapes:
        a_delivery_keeps_the_shape_that_it_was_accepted_under,
        what_requests_show_is_sealed_and_wiped,
        shapes_go_with_the_last_event_that_may_have_them,
        a_shape_that_no_delivery_was_made_under_goes_when_it_is_replaced,
        a_shape_that_a_delivery_keeps_stays_however_it_was_made,
        a_delivery_that_is_made_while_its_webhook_is_changed_has_its_shape,
        why_a_delivery_failed_is_kept;
    request_settings:
        an_attempt_keeps_the_settings_that_it_was_made_from,
        settings_go_with_the_last_event_whose_attempts_may_be_made_from_them,
        a_webhook_keeps_its_newest_settings_up_to_a_limit,
        what_is_hidden_is_hidden_in_what_was_kept_before_too,
        a_header_that_becomes_the_authentication_is_hidden_in_what_was_kept_before;
    lanes:
        a_lane_is_paged_in_the_order_of_due_times,
        a_delivery_that_is_due_is_picked_by_chance,
        what_was_never_sent_is_picked_before_what_has_failed,
        lanes_with_work_are_found_with_their_earliest,
        a_page_of_large_bodies_is_cut,
        what_a_clock_ahead_has_put_off_is_due_when_it_is_set_back,
        what_a_clock_ahead_has_put_off_is_brought_forward,
        a_start_brings_forward_what_a_clock_ahead_has_put_off,
        a_retry_is_brought_forward_once_however_often_it_is_started_anew,
        many_are_brought_forward_in_their_order;
    ordering:
        the_next_of_a_key_goes_when_the_first_has_ended,
        a_key_outlives_the_setting_it_was_made_under,
        a_person_can_skip_whatever_waits,
        what_is_under_way_is_not_skipped_before_its_answer,
        a_resend_takes_the_place_of_what_waits_and_else_the_last,
        what_follows_a_sweep_goes_on_in_order;
    reading:
        pages_of_events_are_complete_and_newest_first,
        event_filters_mean_what_they_say,
        delivery_filters_mean_what_they_say,
        a_page_with_rare_matches_still_leads_on,
        what_a_segment_has_goes_with_its_last_event,
        the_newest_delivery_of_each_webhook_counts,
        the_log_is_counted_and_paged,
        nothing_of_another_environment_is_found;
    upkeep:
        old_events_go_and_what_waits_stays,
        what_waits_is_passed_by_for_an_hour,
        large_events_go_in_bites,
        deleted_webhooks_go_with_their_last_delivery,
        deleted_webhooks_that_nothing_tells_of_go_soon,
        idempotency_keys_are_forgotten,
        an_event_of_a_clock_ahead_keeps_no_other;
    retention:
        each_environment_keeps_its_events_for_its_own_time,
        a_changed_retention_counts_from_the_next_round_on,
        lists_stay_right_where_environments_share_segments,
        what_waits_is_found_in_a_segment_that_was_thinned,
        a_long_retention_of_one_environment_keeps_nothing_of_another,
        a_clock_that_was_set_back_takes_no_settings_from_an_attempt,
        jobs_and_deleted_webhooks_go_with_the_events_of_their_environment;
    jobs:
        a_resend_repeats_what_failed_and_was_not_repeated_once_and_in_order,
        a_replay_sends_what_was_before_the_webhook_and_what_it_missed,
        a_job_is_started_once_and_controlled_until_it_ends,
        a_start_is_known_by_its_key_when_its_webhook_is_gone,
        a_job_ends_with_its_webhook,
        a_job_that_is_paused_for_long_ends,
        the_tenants_together_have_a_limit_of_their_own,
        a_jobs_rate_changes_while_it_has_not_ended,
        what_a_job_has_made_is_found_and_goes_with_it,
        a_replay_of_a_tenant_walks_its_own_events_in_order;
    statistics:
        each_thing_counts_once_wherever_it_belongs,
        what_many_commits_count_is_exact_after_any_restart,
        hours_become_days_and_what_is_old_goes,
        minutes_of_tenants_go_before_those_of_others,
        what_waits_is_counted,
        those_who_fail_most_come_first;
    directory:
        it_equals_a_fresh_one_after_random_changes,
        a_new_environment_has_the_builtin_event_types,
        an_issuer_is_trusted_by_one_environment,
        credentials_are_limited_revoked_and_touched_by_the_minute,
        a_tenant_has_so_many_webhooks_and_keeps_nobody_out,
        a_change_shows_before_it_is_answered,
        categories_and_event_types_keep_their_rules,
        a_deleted_types_key_stays_hidden_until_another_has_it,
        schemas_are_kept_by_version_up_to_a_limit,
        event_types_change_together_or_not_at_all;
    credentials:
        a_revoked_credential_makes_and_revokes_none,
        vendors_leave_one_credential_and_operators_need_not,
        nobody_makes_a_credential_that_opens_more_and_who_made_one_is_kept,
        a_revoked_credential_leaves_nothing_behind_that_outlives_it,
        a_revoked_operators_token_leaves_nothing_behind_that_outlives_it;
    sessions:
        a_link_is_opened_once_and_in_time,
        sessions_end_with_the_credential_that_opened_them,
        a_sign_in_replaces_the_session_and_keeps_what_it_had,
        a_console_session_ends_idle_and_at_last,
        sessions_are_limited_and_the_oldest_goes,
        the_vendor_ends_sessions_of_its_own_tenants_alone;
}

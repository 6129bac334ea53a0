//! The receivers of `examples/`, in each language, behind the real server: what they do with what they get, once, and with what they
//! must not take.
//!
//! Without Node.js or Python the tests with it say that they were left out; with `CI=true` they fail then.

#![expect(clippy::unwrap_used, reason = "what is shared by tests is test code as well")]

mod forgery;
mod login_flow;
mod mail;
mod receiver;
mod register_users;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "these tests do with less than all of it")]
mod support;
#[path = "../support/toolchain.rs"]
mod toolchain;
mod welcome_email;
mod world;

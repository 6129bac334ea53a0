//! `postrider config`: the configuration in force, and the reference of all settings.

use serde_json::json;

use crate::cli::{Config, SettingArgs};
use crate::config::{Layers, Source, Sources, reference, show, unknown_variable};
use crate::failure::{Failure, MISCONFIGURED};
use crate::output::{self, FAINT, Form, styled};

pub(crate) fn run(what: Config, form: Form) -> Result<(), Failure> {
    match what {
        Config::Show { settings } => show(settings, form),
        Config::Reference => Ok(output::line(reference::markdown().trim_end())?),
    }
}

/// Prints what applies, also where something is wrong: that is when people look.
fn show(given: SettingArgs, form: Form) -> Result<(), Failure> {
    let layers = Layers::read(&Sources::of_process(given.file, given.flags));
    let effective = show::effective(&layers);
    let unknown = layers.unknown_variables.clone();
    let problems = layers.settings_here().err();
    let whole = json!({
        "settings": effective,
        "unknownVariables": unknown,
        "problems": problems.as_ref().map(|problems| problems.iter().collect::<Vec<_>>()).unwrap_or_default(),
    });
    form.print(&whole, || {
        let rows: Vec<[String; 3]> = effective
            .iter()
            .map(|setting| {
                let value = match &setting.value {
                    Some(value) => output::tame(value),
                    None if setting.hidden => "(hidden)".to_owned(),
                    None => "-".to_owned(),
                };
                let source = match setting.source {
                    Some(Source::Environment) => setting.variable.clone(),
                    Some(source) => source.name().to_owned(),
                    None => String::new(),
                };
                [setting.key.to_owned(), value, source]
            })
            .collect();
        output::table(["key", "value", "from"], &rows)
    })?;
    for name in unknown {
        output::note(styled(FAINT, unknown_variable(&name)));
    }
    match problems {
        None => Ok(()),
        // With JSON they stand in the result.
        Some(_) if form == Form::Json => Err(Failure::Told(MISCONFIGURED)),
        Some(problems) => Err(problems.into()),
    }
}

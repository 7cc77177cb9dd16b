//! A plan: everything that a config asks for, read and built, and nothing started.
//!
//! Made at the start and at each reload; whatever is wrong is found here, all of it, before
//! anything changes.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::build::place_of;
use super::face::{self, Face};
use super::reload::Looks;
use super::template_files::{TemplateProblems, load_templates};
use crate::config::Config;
use crate::deliver::settings::NotifierSettings;
use crate::deliver::{self, Notifier};
use crate::model::Fingerprint;
use crate::pipeline::{Mode, Policy, Route, Routes};
use crate::problem::Severity;
use crate::render::Templates;
use crate::rules::RuleSet;
use crate::secret::{Redactor, Resolver, SecretSource};
use crate::source::Client;
use crate::source::settings::SourceSettings;
use crate::store::Place;

/// What is to run.
pub(super) struct Plan {
    pub(super) policy: Policy,
    pub(super) sources: Vec<Planned<SourceSettings, Client>>,
    pub(super) notifiers: Vec<Planned<NotifierSettings, Arc<Notifier>>>,
    pub(super) keep: Duration,
    pub(super) store: Place,
    pub(super) face: Option<Face>,
    /// Where the operator's templates are, and whether changes are looked for.
    pub(super) templates: Option<PathBuf>,
    pub(super) watch: bool,
    /// How the templates looked before they were read.
    pub(super) seen_templates: Looks,
}

/// One end of the bridge.
pub(super) struct Planned<S, T> {
    pub(super) settings: S,
    pub(super) built: T,
    /// Two that have the same do the same.
    pub(super) identity: Fingerprint,
}

/// The templates that a config names, as they were read once.
pub(super) struct Texts {
    pub(super) loaded: Result<(Templates, Vec<TemplateProblems>), String>,
    /// How the files looked before.
    seen: Looks,
}

impl Texts {
    pub(super) fn of(config: &Config) -> Self {
        let folder = config.service.templates.as_deref();
        let seen = Looks::of_templates(folder);
        Self { loaded: load_templates(folder), seen }
    }
}

impl Plan {
    /// Reads the secrets and builds every part, with the templates that were read.
    ///
    /// # Errors
    /// Everything that is in the way, in words.
    pub(super) fn of(
        config: Config,
        texts: Texts,
        resolver: &Resolver,
        mode: Mode,
    ) -> Result<Self, Vec<String>> {
        deliver::http::install_crypto();
        let mut faults = Vec::new();
        let mut redactor = redactor_of(&config, resolver);
        let templates = templates(texts.loaded, &mut faults);
        let face = face::face(&config, &templates, resolver, mode, &mut faults);
        let mut sources = Vec::new();
        let keep = config.service.keep;
        for settings in config.sources {
            let secrets = std::iter::once(&settings.token).chain(&settings.callback_key);
            let identity = identity_of(&(&settings, keep), secrets, resolver);
            match Client::build(&settings, resolver, &mut redactor) {
                Ok(built) => sources.push(Planned { settings, built, identity }),
                Err(problem) => faults.push(problem.to_string()),
            }
        }
        let routes = config.notifiers.iter();
        let routes = routes.map(|settings| (settings.name.clone(), Route::of(settings)));
        let routes = Routes::new(routes);
        let mut notifiers = Vec::new();
        for settings in config.notifiers {
            let identity = identity_of(&settings, settings.secrets(), resolver);
            match Notifier::build(&settings, resolver, &mut redactor) {
                Ok(built) => {
                    let built = Arc::new(built);
                    notifiers.push(Planned { settings, built, identity });
                }
                Err(problem) => faults.push(problem.to_string()),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let store = match place_of(&config.service.store) {
            Ok(store) => store,
            Err(problem) => return Err(vec![problem.to_string()]),
        };
        let zone = config.service.timezone;
        let rules = RuleSet::new(config.rules);
        Ok(Self {
            policy: Policy { rules, routes, templates, zone },
            sources,
            notifiers,
            keep,
            store,
            face,
            templates: config.service.templates,
            watch: config.service.watch,
            seen_templates: texts.seen,
        })
    }
}

fn templates(
    loaded: Result<(Templates, Vec<TemplateProblems>), String>,
    faults: &mut Vec<String>,
) -> Templates {
    match loaded {
        Ok((templates, problems)) => {
            for (path, _, problems) in problems {
                let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
                faults.extend(errors.map(|problem| {
                    format!("template `{path}`: {problem}; `descript-notify check` shows where")
                }));
            }
            templates
        }
        Err(problem) => {
            faults.push(problem);
            Templates::builtin()
        }
    }
}

/// Knows every secret before the first part is built: any service may echo any of them.
fn redactor_of(config: &Config, resolver: &Resolver) -> Redactor {
    let mut redactor = Redactor::default();
    let tokens = config.sources.iter().map(|source| &source.token);
    let others = config.notifiers.iter().flat_map(NotifierSettings::secrets);
    let keys = config.sources.iter().filter_map(|source| source.callback_key.as_ref());
    let listen = config.service.listen.iter();
    let own = listen.flat_map(|listen| [&listen.admin_token, &listen.read_token]).flatten();
    // What cannot be read is told by the part that needs it.
    let known = tokens
        .chain(others)
        .chain(keys)
        .chain(own)
        .filter_map(|secret| resolver.resolve(secret).ok());
    known.for_each(|secret| redactor.learn(&secret));
    redactor
}

/// Tells two settings apart: by their words, which show no secret, and by their secrets as they
/// are now. Kept in memory only.
pub(super) fn identity_of<'a>(
    settings: &impl Debug,
    secrets: impl IntoIterator<Item = &'a SecretSource>,
    resolver: &Resolver,
) -> Fingerprint {
    let mut text = format!("{settings:?}");
    for secret in secrets {
        text.push('\0');
        if let Ok(secret) = resolver.resolve(secret) {
            text.push_str(secret.expose());
        }
    }
    Fingerprint::of(text.as_bytes())
}

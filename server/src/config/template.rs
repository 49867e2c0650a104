//! The configuration file that `init` writes: every option with its documentation, commented out at its default.

use std::fmt::Write as _;

use super::{
    Auth, Limits, Log, Metrics, Server, Streams, Tls,
    section::{OptionDoc, Section},
};

const HEADER: &str = "\
# The configuration of this Watchbell server.
#
# Every option stands here with its default. Remove the `#` before an option to change it.
# The environment (WATCHBELL_SERVER_LISTEN, …) overrides this file, and flags override the environment.
";

/// The file's text.
pub fn template() -> String {
    let mut text = HEADER.to_owned();
    section::<Server>(&mut text);
    section::<Auth>(&mut text);
    section::<Limits>(&mut text);
    section::<Streams>(&mut text);
    section::<Tls>(&mut text);
    section::<Log>(&mut text);
    section::<Metrics>(&mut text);
    text
}

fn section<S: Section>(text: &mut String) {
    text.push('\n');
    for line in S::DOC {
        let _ = writeln!(text, "# {}", line.trim());
    }
    let _ = writeln!(text, "[{}]", S::NAME);
    for OptionDoc { key, doc, default } in S::options() {
        text.push('\n');
        for line in doc {
            let _ = writeln!(text, "# {}", line.trim());
        }
        let _ = writeln!(text, "#{key} = {default}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Layers};

    #[test]
    fn the_template_with_every_option_uncommented_is_the_default_configuration() {
        let uncommented: String = template()
            .lines()
            .map(|line| {
                line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase())).unwrap_or(line)
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let layers = Layers { file: Some(("t.toml".into(), uncommented)), ..Layers::default() };
        assert_eq!(layers.resolve(), Ok(Config::default()));
        assert!(template().contains("#listen = \"127.0.0.1:7077\""));
    }
}

//! Values of a file of settings that mean nothing. What reads one of them goes on as if it were not there.

use super::Finding;
use crate::config::{CHOICES, Layer, SETTINGS};
use crate::discovery::manifest::is_plugin_name;

pub(super) fn look(layer: &Layer) -> Vec<Finding> {
    let settings = SETTINGS.iter().filter_map(|known| {
        let choices = CHOICES.iter().find(|(key, _)| *key == known.key).map(|(_, choices)| *choices);
        let wanted = match (choices, known.default) {
            (Some(choices), _) => choices.join(" or "),
            (None, Some("true" | "false")) => "true or false".to_owned(),
            (None, Some(number)) if number.parse::<u64>().is_ok() => "a number".to_owned(),
            (None, _) => "one value".to_owned(),
        };
        let fits = |value: &str| match (choices, known.default) {
            (Some(choices), _) => choices.contains(&value),
            (None, Some("true" | "false")) => value.parse::<bool>().is_ok(),
            (None, Some(number)) if number.parse::<u64>().is_ok() => value.parse::<u64>().is_ok(),
            (None, _) => true,
        };
        unfit(layer, &[known.key], &wanted, fits)
    });
    let names = layer.names("plugins").into_iter().filter(|name| !is_plugin_name(name)).filter_map(|name| {
        let place = layer.place(&layer.find(&["plugins", &name])?.span());
        Some(Finding::warning("config", format!("no plugin can have the name `{name}` ({place})")))
    });
    let tables = ["commands", "services", "indexes"].into_iter().flat_map(|table| {
        layer.names(table).into_iter().filter_map(move |name| match table {
            "indexes" => unfit(layer, &[table, &name], "an address or a directory", |_| true),
            _ => unfit(layer, &[table, &name], "the name of a plugin", is_plugin_name),
        })
    });
    settings.chain(names).chain(tables).collect()
}

fn unfit(layer: &Layer, keys: &[&str], wanted: &str, fits: impl Fn(&str) -> bool) -> Option<Finding> {
    let place = layer.place(&layer.find(keys)?.span());
    if layer.text(keys).is_some_and(|rule| fits(&rule.value)) {
        return None;
    }
    Some(Finding::warning("config", format!("{} is not {wanted} ({place})", keys.join("."))))
}

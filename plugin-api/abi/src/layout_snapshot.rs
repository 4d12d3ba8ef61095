//! The layout of everything that crosses, as text under version control.
//!
//! It may change by appending, together with a higher [`crate::ABI_VERSION`]: `INSTA_UPDATE=always` makes a new snapshot.
//! Any other change breaks plugins that were built before, and [`crate::append_only`] refuses it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use abi_stable::StableAbi;
use abi_stable::std_types::UTypeId;
use abi_stable::type_layout::{TLData, TLField, TLFunction, TypeLayout};

use crate::append_only;
use crate::module::PluginModule_Ref;
use crate::service::{Service_NE, json_service, organization, platform_http, token_provider};

#[test]
fn the_layout_of_the_abi() {
    let mut walk = Walk::default();
    for root in [
        PluginModule_Ref::LAYOUT,
        Service_NE::LAYOUT,
        token_provider::TokenProviderBox::LAYOUT,
        platform_http::PlatformHttpBox::LAYOUT,
        organization::OrganizationBox::LAYOUT,
        json_service::JsonServiceBox::LAYOUT,
    ] {
        walk.visit(root);
    }
    let text: String = walk.ours.into_values().collect();
    append_only::check(&text);
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("layout", text);
    });
}

/// The types that were seen, and the text of those that this crate declares.
#[derive(Default)]
struct Walk {
    seen: BTreeSet<UTypeId>,
    ours: BTreeMap<String, String>,
}

impl Walk {
    fn visit(&mut self, layout: &'static TypeLayout) {
        if !self.seen.insert(layout.get_utypeid()) {
            return;
        }
        if layout.package() == env!("CARGO_PKG_NAME") {
            let name = format!("{}::{}", layout.mod_path(), layout.name());
            let text = text(layout, &name);
            assert_eq!(self.ours.insert(name, text), None);
        }
        for field in fields(layout).chain(layout.phantom_fields()) {
            self.visit(field.layout());
            for function in field.function_range().iter() {
                function.param_type_layouts.iter().for_each(|parameter| self.visit(parameter()));
                function.return_type_layout().into_iter().for_each(|result| self.visit(result()));
            }
        }
    }
}

fn fields(layout: &'static TypeLayout) -> impl Iterator<Item = TLField> {
    layout.get_fields().into_iter().flatten()
}

fn text(layout: &'static TypeLayout, name: &str) -> String {
    let mut text = format!("{name}: {} bytes", layout.size());
    let _ = match layout.data() {
        TLData::Enum(data) => {
            let open = if data.exhaustiveness.is_exhaustive() { "exhaustive" } else { "non-exhaustive" };
            writeln!(text, ", {open}, {} {:?}", data.variant_names.as_str(), data.discriminants)
        }
        TLData::PrefixType(data) => writeln!(text, ", {} fields for ever", data.first_suffix_field),
        _ => writeln!(text),
    };
    for field in fields(layout) {
        let functions: Vec<String> = field.function_range().iter().map(function_text).collect();
        let is = if functions.is_empty() { type_text(field.layout(), 0) } else { functions.join(", ") };
        let _ = writeln!(text, "    {}: {is}", field.name());
    }
    text + "\n"
}

fn function_text(function: TLFunction) -> String {
    let parameters: Vec<String> =
        function.param_type_layouts.iter().map(|parameter| type_text(parameter(), 0)).collect();
    let result = function.return_type_layout().map_or("()".to_owned(), |result| type_text(result(), 0));
    format!("fn({}) -> {result}", parameters.join(", "))
}

/// The name of a type. abi_stable keeps the parameters of its containers as phantom fields, or behind a pointer.
fn type_text(layout: &'static TypeLayout, depth: usize) -> String {
    let ours = layout.package() == env!("CARGO_PKG_NAME");
    let mut inside: Vec<String> = Vec::new();
    if !ours && depth < 3 {
        for field in layout.phantom_fields() {
            inside.push(type_text(field.layout(), depth + 1));
        }
        if matches!(layout.data(), TLData::Enum(_)) || ["RVec", "RSlice", "Tuple2"].contains(&layout.name()) {
            inside.extend(
                fields(layout)
                    .filter(|field| !["length", "capacity", "vtable"].contains(&field.name()))
                    .map(|field| type_text(field.layout(), depth + 1)),
            );
        }
    }
    match inside.is_empty() {
        true => layout.full_type().to_string(),
        false => format!("{}<{}>", layout.full_type(), inside.join(", ")),
    }
}

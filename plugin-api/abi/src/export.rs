//! What the SDK's `export_plugin!` expands to. Not for people.

pub use abi_stable::library::__call_root_module_loader as call_root_module_loader;
pub use abi_stable::library::{CheckTypeLayout, LibHeader, RootModuleResult};
pub use abi_stable::prefix_type::PrefixTypeTrait;

use crate::module::{PluginModule, PluginModule_Ref};

/// Makes the root module live for ever.
pub fn leak(module: PluginModule) -> PluginModule_Ref {
    module.leak_into_prefix()
}

/// Exports the root module that `$loader` (a `fn() -> PluginModule_Ref`) makes.
#[doc(hidden)]
#[macro_export]
macro_rules! export_root_module {
    ($loader:expr) => {
        const _: () = {
            extern "C" fn erased() -> $crate::export::RootModuleResult {
                $crate::export::call_root_module_loader($loader)
            }
            // The name is `ENTRY_SYMBOL`; attributes take literals only, and a test compares the two.
            //
            // SAFETY: the name is this contract's own and one library exports one plugin; the constructor
            // erases exactly the type that is named here.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static ROOT_MODULE: $crate::export::LibHeader = unsafe {
                $crate::export::LibHeader::from_constructor::<$crate::PluginModule_Ref>(
                    erased,
                    $crate::export::CheckTypeLayout::Yes,
                )
            };
        };
    };
}

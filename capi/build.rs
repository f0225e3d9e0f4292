//! How the shared library is linked.

fn main() {
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").expect("cargo sets it");
    // Never unloaded: blocks, threads' exit hooks and fork handlers outlive whoever closes it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // All symbols are bound when it is loaded, so that no call of ours comes through the loader's resolver.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,now");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcenote.so.{major}");
    println!("cargo::rerun-if-changed=build.rs");
}

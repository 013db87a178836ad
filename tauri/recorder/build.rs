//! Embeds the page, and makes the application's own command need a permission like any other.

fn main() {
    // What tauri-build does not watch.
    for watched in ["ui", "../tauri-plugin-hearken/api-iife.js"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    let manifest = tauri_build::AppManifest::new().commands(&["reveal"]);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        panic!("{error:#}");
    }
}

//! Build script of the root package; it runs with the repository root as its folder.

fn main() {
    // A fresh clone can build, test and lint before the UI was built.
    std::fs::create_dir_all("ui/dist").expect("create ui/dist");
    if !std::path::Path::new("ui/dist/index.html").exists() {
        println!(
            "cargo:warning=the UI was not built, so the window will be empty: run `npm ci && npm run build` in ui/ first"
        );
    }
    for watched in ["ui/dist", "src-tauri/capabilities", "src-tauri/permissions", "src-tauri/icons"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    tauri_build::try_build(
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*").app_manifest(
            tauri_build::AppManifest::new().permissions_path_pattern("./src-tauri/permissions/**/*.toml"),
        ),
    )
    .expect("tauri-build");
}

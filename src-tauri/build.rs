//! Build script of the root package; it runs with the repository root as its folder.

fn main() {
    // A fresh clone can build, test and lint before the UI was built.
    std::fs::create_dir_all("ui/dist").expect("create ui/dist");
    println!("cargo:rerun-if-changed=ui/dist");
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    tauri_build::try_build(tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*"))
        .expect("tauri-build");
}

//! What the tasks need on the machine, and how it gets there. Nothing is installed without being said.
//!
//! On a system without apt the names are told instead: every distribution has them under names of its own.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::shell::{self, command, is_there, quietly, root, run, say};

/// A set of Debian packages that serve one purpose.
pub struct Packages {
    /// What they are for, in a few words.
    pub purpose: &'static str,
    names: &'static [&'static str],
}

/// To build the desktop app.
pub const BUILD: Packages = Packages {
    purpose: "to build the desktop app",
    names: &[
        "build-essential",
        "pkg-config",
        "libwebkit2gtk-4.1-dev",
        "libayatana-appindicator3-dev",
        "librsvg2-dev",
        "libssl-dev",
        "libxdo-dev",
    ],
};

/// To show it without a display, and to look at it.
pub const SESSION: Packages = Packages {
    purpose: "for a desktop session without a display",
    names: &[
        "xvfb",
        "dbus",
        "dbus-x11",
        "dunst",
        "gnome-keyring",
        "libsecret-tools",
        "imagemagick",
        "xdotool",
        "openbox",
        "x11-utils",
        "xdg-utils",
        "fonts-dejavu-core",
        "adwaita-icon-theme",
        "libnotify-bin",
    ],
};

/// To drive its window, and to compare detectors with the tools run by hand.
pub const TESTS: Packages =
    Packages { purpose: "for the tests", names: &["webkit2gtk-driver", "shellcheck", "python3-venv", "strace"] };

/// To run the examples that speak to a server from Python.
pub const PYTHON: Packages = Packages { purpose: "for the examples in Python", names: &["python3-venv"] };

/// Installs what is missing of these packages.
pub fn packages(sets: &[Packages]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    for set in sets {
        if !is_there("dpkg-query") {
            say(format_args!("no Debian packages here; {} you need: {}", set.purpose, set.names.join(" ")));
            continue;
        }
        let missing: Vec<_> = set.names.iter().copied().filter(|name| !is_installed(name)).collect();
        if !missing.is_empty() {
            say(format_args!("installing {}: {}", set.purpose, missing.join(" ")));
            apt_get(&["update", "-qq"])?;
            apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], missing.as_slice()].concat())?;
        }
    }
    Ok(())
}

fn is_installed(package: &str) -> bool {
    quietly(&mut command("dpkg-query", &["-W", "-f=${Status}", package]))
        .is_ok_and(|status| status == "install ok installed")
}

/// As root, or with sudo.
fn apt_get(args: &[&str]) -> Result<()> {
    let mut apt = if nix::unistd::Uid::effective().is_root() {
        command("apt-get", args)
    } else if is_there("sudo") {
        command("sudo", &[&["--", "apt-get"], args].concat())
    } else {
        bail!("apt-get needs root or sudo: run `apt-get {}` and try again", args.join(" "));
    };
    quietly(apt.env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}

/// The least version of Node that Vite takes.
const NODE: (u32, u32) = (20, 19);

/// The UI's npm packages, as its lock file names them.
pub fn ui_packages() -> Result<()> {
    let version = quietly(&mut command("node", &["--version"]))
        .context("the UI is built with Node.js: install version 20.19 or later, with npm")?;
    let mut parts = version.trim().trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < NODE {
        bail!("Node.js {} is too old for the UI's build: install {}.{} or later", version.trim(), NODE.0, NODE.1);
    }
    locked_npm_packages(&root().join("ui"))
}

/// The npm packages of a folder, as its lock file names them.
pub fn locked_npm_packages(folder: &Path) -> Result<()> {
    if newer(&folder.join("node_modules/.package-lock.json"), &folder.join("package-lock.json")) {
        return Ok(());
    }
    let shown = folder.strip_prefix(root()).unwrap_or(folder).display();
    say(format_args!("installing the npm packages of {shown}"));
    run(command("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder))
}

/// A Python of its own, below the target folder, with the packages that a file names. Returns the program.
pub fn python_packages(requirements: &Path, name: &str) -> Result<PathBuf> {
    let venv = shell::target().join("tools").join(name);
    let done = venv.join("installed");
    if !newer(&done, requirements) {
        packages(&[PYTHON])?;
        say(format_args!("installing the Python packages of {}", requirements.display()));
        quietly(&mut command("python3", &["-m", "venv", &venv.to_string_lossy()]))?;
        let file = requirements.to_string_lossy();
        let install = ["install", "--quiet", "--disable-pip-version-check", "-r", &file];
        quietly(&mut command(venv.join("bin/pip"), &install))?;
        std::fs::write(&done, "")?;
    }
    Ok(venv.join("bin/python"))
}

/// Runs npm in `ui/`.
pub fn npm(args: &[&str]) -> Result<()> {
    run(command("npm", args).current_dir(root().join("ui")))
}

/// Whether `made` exists and is not older than `from`.
fn newer(made: &Path, from: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|data| data.modified());
    matches!((time(made), time(from)), (Ok(made), Ok(from)) if made >= from)
}

/// The test runner.
pub fn nextest() -> Result<()> {
    if quietly(&mut shell::cargo(&["nextest", "--version"])).is_err() {
        say("installing cargo-nextest (once, a few minutes)");
        run(&mut shell::cargo(&["install", "cargo-nextest", "--locked"]))?;
    }
    Ok(())
}

/// Tools that detectors call, in versions of our choice, so that a test compares with the same program run by hand; and
/// what our WebSocket is compared with. Returns the folder that holds the tools.
pub fn detector_tools() -> Result<PathBuf> {
    let tools = shell::target().join("tools");
    let venv = tools.join("python");
    if !venv.join("bin/ruff").exists() {
        say("installing ruff, for the tests");
        quietly(&mut command("python3", &["-m", "venv", &venv.to_string_lossy()]))?;
        quietly(&mut command(venv.join("bin/pip"), &["install", "--quiet", "--disable-pip-version-check", RUFF]))?;
    }
    let npm = tools.join("npm");
    if !npm.join("node_modules/.bin/eslint").exists() {
        say("installing eslint, for the tests");
        std::fs::create_dir_all(&npm)?;
        let prefix = npm.to_string_lossy().into_owned();
        quietly(&mut command(
            "npm",
            &["install", "--prefix", &prefix, "--no-audit", "--no-fund", "--loglevel=error", ESLINT],
        ))?;
    }
    websocket_peer(&tools.join("peer"))?;
    let bin = tools.join("bin");
    link(&venv.join("bin/ruff"), &bin)?;
    link(&npm.join("node_modules/.bin/eslint"), &bin)?;
    Ok(bin)
}

/// Another implementation of the WebSocket protocol, to compare ours with.
fn websocket_peer(folder: &Path) -> Result<()> {
    if !folder.join("node_modules/ws").exists() {
        say("installing ws, for the tests");
        std::fs::create_dir_all(folder)?;
        let prefix = folder.to_string_lossy().into_owned();
        quietly(&mut command(
            "npm",
            &["install", "--prefix", &prefix, "--no-audit", "--no-fund", "--loglevel=error", WS],
        ))?;
    }
    Ok(())
}

/// Puts a program into the folder, in place of what was there.
fn link(program: &Path, folder: &Path) -> Result<()> {
    let place = folder.join(program.file_name().context("a program has a name")?);
    std::fs::create_dir_all(folder)?;
    if place.symlink_metadata().is_ok() {
        std::fs::remove_file(&place)?;
    }
    std::os::unix::fs::symlink(program, &place).with_context(|| format!("cannot make {}", place.display()))
}

const RUFF: &str = "ruff==0.17.5";
const ESLINT: &str = "eslint@10.15.0";
const WS: &str = "ws@8.18.3";

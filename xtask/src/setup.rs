//! The verb `setup`: the system packages that the build and the tests need.
//!
//! Only Linux needs any: ALSA's headers for the build, a sound server of one's own, programs that speak and valgrind for
//! the tests.
//! A C linker is not on the list, because this program could not have been built without one.

use crate::{Outcome, child, workspace::Workspace};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Something the system has to provide.
#[derive(Debug)]
pub struct Need {
    debian: &'static str,
    fedora: &'static str,
    arch: &'static str,
    sign: Sign,
}

/// How to see on any system that a need is met.
#[derive(Debug)]
enum Sign {
    /// A program on the path.
    Program(&'static str),
    /// A library known to pkg-config.
    Library(&'static str),
    /// A plug-in in one of ALSA's directories.
    AlsaPlugin(&'static str),
}

const fn need(debian: &'static str, fedora: &'static str, arch: &'static str, sign: Sign) -> Need {
    Need { debian, fedora, arch, sign }
}

/// What the build needs.
pub const BUILD: &[Need] = &[
    need("pkg-config", "pkgconf-pkg-config", "pkgconf", Sign::Program("pkg-config")),
    need("libasound2-dev", "alsa-lib-devel", "alsa-lib", Sign::Library("alsa")),
];

/// What the tests and benches need on top.
pub const TEST: &[Need] = &[
    need(
        "libasound2-plugins",
        "alsa-plugins-pulseaudio",
        "alsa-plugins",
        Sign::AlsaPlugin("libasound_module_pcm_pulse.so"),
    ),
    need("pulseaudio", "pulseaudio", "pulseaudio", Sign::Program("pulseaudio")),
    need("pulseaudio-utils", "pulseaudio-utils", "libpulse", Sign::Program("parec")),
    need("valgrind", "valgrind", "valgrind", Sign::Program("valgrind")),
    need("espeak-ng", "espeak-ng", "espeak-ng", Sign::Program("espeak-ng")),
    need("flite", "flite", "flite", Sign::Program("flite")),
];

/// What the recorder needs on top of the build.
pub const APP: &[Need] = &[need(
    "libwebkit2gtk-4.1-dev",
    "webkit2gtk4.1-devel",
    "webkit2gtk-4.1",
    Sign::Library("webkit2gtk-4.1"),
)];

/// What its tests need on top.
pub const APP_TEST: &[Need] = &[
    need("webkit2gtk-driver", "webkit2gtk-driver", "webkit2gtk-4.1", Sign::Program("WebKitWebDriver")),
    need("xvfb", "xorg-x11-server-Xvfb", "xorg-server-xvfb", Sign::Program("Xvfb")),
    need("nodejs", "nodejs", "nodejs", Sign::Program("node")),
    need("npm", "npm", "npm", Sign::Program("npm")),
];

/// What links programs for Windows.
pub const WINDOWS_BUILD: &[Need] =
    &[need("gcc-mingw-w64-x86-64", "mingw64-gcc", "mingw-w64-gcc", Sign::Program("x86_64-w64-mingw32-gcc"))];

/// What runs them.
pub const WINE: &[Need] = &[need("wine64", "wine-core", "wine", Sign::Program("wine64"))];

/// Installs what the build and the tests need, with `--build` only what the build needs.
pub fn run(_: &Workspace, arguments: &[String]) -> Outcome {
    match arguments {
        [] => prepare(BUILD.iter().chain(TEST)),
        [only] if only == "--build" => prepare(BUILD),
        [other, ..] => Err(format!("unexpected argument `{other}`")),
    }
}

/// Sees to it that every one of `needs` is met.
///
/// # Errors
/// A sentence with the command to type, where something is missing and cannot be installed from here.
pub fn prepare<'a>(needs: impl IntoIterator<Item = &'a Need>) -> Outcome {
    if !cfg!(target_os = "linux") {
        println!("setup: no system package is needed here");
        return Ok(());
    }
    let family = family(&fs::read_to_string("/etc/os-release").unwrap_or_default());
    // A program need not come from the distribution: Node.js often does not.
    let met = |need: &Need| family == Family::Debian && installed(need.debian) || seen(&need.sign);
    let missing: Vec<&Need> = needs.into_iter().filter(|need| !met(need)).collect();
    if missing.is_empty() {
        println!("setup: every system package that is needed is there");
        return Ok(());
    }
    let names = |pick: fn(&Need) -> &str| missing.iter().map(|need| pick(need)).collect::<Vec<_>>().join(" ");
    let by_hand = match family {
        Family::Debian => return install(&names(|need| need.debian)),
        Family::Fedora => format!("sudo dnf install {}", names(|need| need.fedora)),
        Family::Arch => format!("sudo pacman -S --needed {}", names(|need| need.arch)),
        Family::Other => format!("the packages that Debian calls {}", names(|need| need.debian)),
    };
    Err(format!("system packages are missing; install them by hand, then run this again:\n  {by_hand}"))
}

/// Installs Debian packages.
fn install(packages: &str) -> Outcome {
    println!("setup: missing system packages: {packages}");
    apt("update")?;
    apt(&format!("install --yes --no-install-recommends {packages}"))?;
    match packages.split_whitespace().find(|package| !installed(package)) {
        Some(package) => Err(format!("apt-get reported success, but {package} is not installed")),
        None => Ok(()),
    }
}

/// Runs apt-get, as root directly and as anybody else through sudo.
pub fn apt(words: &str) -> Outcome {
    let root = child::ask(Command::new("id").arg("-u")).as_deref() == Some("0");
    if !root && !seen(&Sign::Program("sudo")) {
        return Err(format!("not root, and there is no sudo; type as root:\n  apt-get {words}"));
    }
    let mut command = Command::new(if root { "env" } else { "sudo" });
    if !root {
        command.arg("env");
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(words.split_whitespace());
    println!("setup: apt-get {words}");
    child::run(&mut command).map_err(|error| format!("apt-get {words}: {error}"))
}

/// Whether dpkg has the package in the state "installed".
fn installed(package: &str) -> bool {
    child::ask(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .as_deref()
        == Some("installed")
}

fn seen(sign: &Sign) -> bool {
    match sign {
        Sign::Program(name) => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
        }
        Sign::Library(name) => child::ask(Command::new("pkg-config").args(["--exists", name])).is_some(),
        Sign::AlsaPlugin(file) => ["/usr/lib64/alsa-lib", "/usr/lib/alsa-lib"]
            .iter()
            .any(|directory| Path::new(directory).join(file).is_file()),
    }
}

/// Which package manager a Linux system has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Debian,
    Fedora,
    Arch,
    Other,
}

/// Reads the text of `/etc/os-release`: the name of the system first, then what it says it is like.
fn family(os_release: &str) -> Family {
    let field = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"')
    };
    let names = format!("{} {}", field("ID"), field("ID_LIKE"));
    let known = names.split_whitespace().find_map(|name| match name {
        "debian" | "ubuntu" => Some(Family::Debian),
        "fedora" | "rhel" => Some(Family::Fedora),
        "arch" => Some(Family::Arch),
        _ => None,
    });
    known.unwrap_or(Family::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_known_by_their_name_or_their_kin() {
        assert_eq!(family("NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n"), Family::Debian);
        assert_eq!(family("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), Family::Debian);
        assert_eq!(family("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), Family::Fedora);
        assert_eq!(family("ID=endeavouros\nID_LIKE=arch\n"), Family::Arch);
        assert_eq!(family("ID=nixos\n"), Family::Other);
        assert_eq!(family(""), Family::Other);
    }

    #[test]
    fn a_package_that_does_not_exist_is_not_installed() {
        assert!(!installed("a-package-that-nobody-made"));
        assert!(!seen(&Sign::Program("a-program-that-nobody-made")));
    }
}

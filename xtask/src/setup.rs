//! The verb `setup`: the system packages that the build and the tests need.
//!
//! Only Linux needs any: ALSA's headers for the build, sound servers of one's own, programs that speak and valgrind for
//! the tests.
//! A C linker is not on the list, because this program could not have been built without one.

use crate::{Outcome, child, workspace::Workspace};
use std::fs;
use std::path::{Path, PathBuf};
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

/// What the tests on every audio path need on top: PipeWire with its doors and JACK, their own recorders, and what the
/// program is built with there.
pub const HOSTS: &[Need] = &[
    need("pipewire", "pipewire", "pipewire", Sign::Program("pipewire")),
    need("pipewire-bin", "pipewire-utils", "pipewire", Sign::Program("pw-record")),
    need("wireplumber", "wireplumber", "wireplumber", Sign::Program("wireplumber")),
    need("pipewire-pulse", "pipewire-pulseaudio", "pipewire-pulse", Sign::Program("pipewire-pulse")),
    need("pipewire-jack", "pipewire-jack-audio-connection-kit", "pipewire-jack", Sign::Program("pw-jack")),
    need("jackd2", "jack-audio-connection-kit-example-clients", "jack2", Sign::Program("jackd")),
    need(
        "jackd2",
        "jack-audio-connection-kit-example-clients",
        "jack-example-tools",
        Sign::Program("jack_rec"),
    ),
    need("libjack-jackd2-dev", "jack-audio-connection-kit-devel", "jack2", Sign::Library("jack")),
    need("alsa-utils", "alsa-utils", "alsa-utils", Sign::Program("arecord")),
    need("dbus", "dbus-daemon", "dbus", Sign::Program("dbus-daemon")),
];

/// ALSA's plugin for PipeWire. Debian's package of it excludes PulseAudio's, which the tests need as well, so there it
/// is not installed but unpacked.
const PIPEWIRE_ALSA: &[Need] = &[need(
    "pipewire-alsa",
    "pipewire-alsa",
    "pipewire-alsa",
    Sign::AlsaPlugin("libasound_module_pcm_pipewire.so"),
)];

/// What a whole PipeWire is made of, in Debian's packages, besides what the system's own has brought.
const NEWER_PIPEWIRE: &[&str] = &[
    "libpipewire-0.3-0",
    "libpipewire-0.3-modules",
    "liblua5.4-0",
    "libspa-0.2-modules",
    "libwireplumber-0.5-0",
    "pipewire",
    "pipewire-alsa",
    "pipewire-bin",
    "pipewire-jack",
    "pipewire-pulse",
    "wireplumber",
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
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    match arguments {
        [] => tests(workspace),
        [only] if only == "--build" => prepare(BUILD),
        [other, ..] => Err(format!("unexpected argument `{other}`")),
    }
}

/// Sees to it that the tests have what they need.
///
/// # Errors
/// As [`prepare`].
pub fn tests(workspace: &Workspace) -> Outcome {
    prepare(BUILD.iter().chain(TEST).chain(HOSTS))?;
    if cfg!(target_os = "linux") { pipewire_alsa(workspace) } else { Ok(()) }
}

/// ALSA's plugin for PipeWire: the system's, or Debian's package unpacked into a folder of the project's.
fn pipewire_alsa(workspace: &Workspace) -> Outcome {
    let [need] = PIPEWIRE_ALSA else { unreachable!("one") };
    let (package, folder) = (need.debian, workspace.target.join(need.debian));
    if installed(package) || seen(&need.sign) || folder.join("usr").is_dir() {
        return Ok(());
    }
    if system() != Family::Debian {
        return prepare(PIPEWIRE_ALSA);
    }
    println!("setup: {package}, unpacked into {}", folder.display());
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    child::run(Command::new("apt-get").args(["download", package]).current_dir(&folder))?;
    let archives = fs::read_dir(&folder).map_err(|error| error.to_string())?;
    let mut archives = archives.flatten().map(|entry| entry.path());
    let archive = archives.find(|path| path.extension().is_some_and(|end| end == "deb"));
    let archive = archive.ok_or_else(|| format!("apt-get download {package} left nothing"))?;
    child::run(Command::new("dpkg").arg("-x").arg(archive).arg(&folder))
}

/// The newest PipeWire that Debian has for this release, from its backports: unpacked into a folder of the project's,
/// which it gives. The system and its list of sources stay as they are.
///
/// # Errors
/// A sentence, also where the system is not Debian's or there are no backports for it.
pub fn newer_pipewire(workspace: &Workspace) -> Result<PathBuf, String> {
    let folder = workspace.target.join("pipewire-newer");
    let root = folder.join("root");
    if root.join("usr/bin/pipewire").is_file() {
        return Ok(root);
    }
    let os_release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let (id, codename) = (field(&os_release, "ID"), field(&os_release, "VERSION_CODENAME"));
    if id != "debian" {
        return Err("a newer PipeWire is fetched from Debian's backports, and this is another system".into());
    }
    // Where the system has its own packages from.
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]);
    let server = child::ask(targets.arg(format!("Codename: {codename}")));
    let server = server.as_deref().and_then(|uris| uris.lines().next()).filter(|uri| !uri.is_empty());
    let server =
        server.ok_or("apt-get does not know where this system's packages are; type apt-get update")?;
    let list = folder.join("sources.list");
    let line = |suite: &str| {
        format!("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {server} {suite} main\n")
    };
    let backports = format!("{codename}-backports");
    let made = fs::create_dir_all(folder.join("lists/partial"))
        .and_then(|()| fs::write(&list, line(codename) + &line(&backports)));
    made.map_err(|error| format!("{}: {error}", folder.display()))?;
    let apt = |words: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.arg("-o").arg(format!("Dir::Etc::SourceList={}", list.display()));
        apt.arg("-o").arg(format!("Dir::State::Lists={}", folder.join("lists").display()));
        apt.args([
            "-o",
            "Dir::Etc::SourceParts=-",
            "-o",
            "Dir::Cache::pkgcache=",
            "-o",
            "Dir::Cache::srcpkgcache=",
        ]);
        child::run(apt.args(words).current_dir(&folder))
    };
    apt(&["update"])?;
    apt(&[&["download", "-t", backports.as_str()], NEWER_PIPEWIRE].concat())?;
    let archives =
        fs::read_dir(&folder).map_err(|error| error.to_string())?.flatten().map(|entry| entry.path());
    for archive in archives.filter(|path| path.extension().is_some_and(|end| end == "deb")) {
        child::run(Command::new("dpkg").arg("-x").arg(archive).arg(&root))?;
    }
    Ok(root)
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
    let family = system();
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

/// What this one has.
fn system() -> Family {
    family(&fs::read_to_string("/etc/os-release").unwrap_or_default())
}

/// What the text of `/etc/os-release` has for `key`.
fn field<'a>(os_release: &'a str, key: &str) -> &'a str {
    let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.unwrap_or_default().trim_matches('"')
}

/// Reads the text of `/etc/os-release`: the name of the system first, then what it says it is like.
fn family(os_release: &str) -> Family {
    let names = format!("{} {}", field(os_release, "ID"), field(os_release, "ID_LIKE"));
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

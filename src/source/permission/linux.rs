//! No permission but those of files, unless the program is packed.

use super::Permission;
use std::path::Path;
use std::{env, fs, io};

/// What an audio server listens to, in the user's runtime directory.
const SOCKETS: [&str; 2] = ["pipewire-0", "pulse/native"];

pub(super) fn permission() -> Permission {
    // The sandbox's own description, in every Flatpak.
    if let Ok(info) = fs::read_to_string("/.flatpak-info") {
        return if shares_sound(&info) { Permission::Granted } else { Permission::Denied };
    }
    let elsewhere = ["SNAP_NAME", "PULSE_SERVER", "PIPEWIRE_REMOTE"];
    if elsewhere.into_iter().any(|name| env::var_os(name).is_some()) {
        return Permission::Unknown;
    }
    let runtime = env::var_os("XDG_RUNTIME_DIR");
    if runtime.is_some_and(|folder| SOCKETS.into_iter().any(|name| Path::new(&folder).join(name).exists())) {
        return Permission::Granted;
    }
    of_cards(Path::new("/dev/snd"))
}

/// Whether a Flatpak's `[Context]` has the sound socket or all devices.
fn shares_sound(info: &str) -> bool {
    let context = info.lines().map(str::trim).skip_while(|line| *line != "[Context]").skip(1);
    let shared = context.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    let has = |list: &str, name| list.split(';').any(|entry| entry.trim() == name);
    shared.into_iter().any(|(key, list)| match key.trim() {
        "sockets" => has(list, "pulseaudio"),
        "devices" => has(list, "all"),
        _ => false,
    })
}

/// By the cards' control nodes, which have the same permissions as their microphones and may be opened by many.
fn of_cards(folder: &Path) -> Permission {
    let nodes = fs::read_dir(folder).into_iter().flatten().flatten();
    let controls = nodes.filter(|node| node.file_name().as_encoded_bytes().starts_with(b"controlC"));
    by_opening(controls.map(|node| fs::File::open(node.path()).map(drop)))
}

fn by_opening(mut cards: impl Iterator<Item = io::Result<()>>) -> Permission {
    let mut is_refused = false;
    let is_open = cards.any(|card| match card {
        Ok(()) => true,
        Err(error) => {
            is_refused |= error.kind() == io::ErrorKind::PermissionDenied;
            false
        }
    });
    match (is_open, is_refused) {
        (true, _) => Permission::Granted,
        (_, true) => Permission::Denied,
        _ => Permission::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flatpak_has_sound_by_its_socket_or_by_all_devices() {
        let info = |context: &str| {
            format!(
                "[Application]\nname=org.example.App\nsockets=pulseaudio;\n\n[Context]\n{context}\n\n[Instance]\ndevices=all;\n"
            )
        };
        for (context, shared) in [
            ("shared=network;ipc;\nsockets=x11;wayland;pulseaudio;\ndevices=dri;", true),
            ("sockets = pulseaudio", true),
            ("sockets=x11;\ndevices=all;", true),
            ("sockets=x11;wayland;\ndevices=dri;", false),
            ("sockets=!pulseaudio;", false),
            ("filesystems=pulseaudio;", false),
            ("", false),
        ] {
            assert_eq!(shares_sound(&info(context)), shared, "{context}");
        }
        assert!(!shares_sound("") && !shares_sound("[Context]") && !shares_sound("sockets=pulseaudio;"));
    }

    #[test]
    fn one_card_that_opens_is_enough_and_no_cards_tell_nothing() {
        let card = |kind: Option<io::ErrorKind>| kind.map_or(Ok(()), |kind| Err(kind.into()));
        let (open, refused, gone) =
            (None, Some(io::ErrorKind::PermissionDenied), Some(io::ErrorKind::NotFound));
        for (cards, permission) in [
            (&[][..], Permission::Unknown),
            (&[gone], Permission::Unknown),
            (&[open], Permission::Granted),
            (&[refused, open], Permission::Granted),
            (&[refused, gone], Permission::Denied),
        ] {
            assert_eq!(by_opening(cards.iter().copied().map(card)), permission, "{cards:?}");
        }
    }

    #[test]
    fn only_control_nodes_are_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(of_cards(&folder.path().join("missing")), Permission::Unknown);
        fs::write(folder.path().join("timer"), "").expect("room");
        assert_eq!(of_cards(folder.path()), Permission::Unknown);
        fs::write(folder.path().join("controlC0"), "").expect("room");
        assert_eq!(of_cards(folder.path()), Permission::Granted);
    }
}

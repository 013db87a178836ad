//! The switches of *Settings, Privacy, Microphone*, which the registry keeps as `Allow` and `Deny`.

use super::Permission;

#[cfg(windows)]
pub(super) fn permission() -> Permission {
    use winreg::RegKey;
    use winreg::enums::{HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE};

    const STORE: &str =
        r"Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone";
    let switch = |root, key: &str| {
        let key = RegKey::predef(root).open_subkey(key).ok()?;
        key.get_value::<String, _>("Value").ok()
    };
    let desktop = format!(r"{STORE}\NonPackaged");
    judge(
        switch(HKEY_LOCAL_MACHINE, STORE).as_deref(),
        switch(HKEY_CURRENT_USER, STORE).as_deref(),
        switch(HKEY_CURRENT_USER, &desktop).as_deref(),
    )
}

/// By the machine's switch, the user's, and the user's for desktop programs.
fn judge(machine: Option<&str>, user: Option<&str>, desktop: Option<&str>) -> Permission {
    let is_off = |switch: Option<&str>| switch.is_some_and(|value| value.eq_ignore_ascii_case("Deny"));
    let is_on = |switch: Option<&str>| switch.is_some_and(|value| value.eq_ignore_ascii_case("Allow"));
    if is_off(machine) {
        Permission::Restricted
    } else if is_off(user) || is_off(desktop) {
        Permission::Denied
    } else if is_on(user) && is_on(desktop) {
        Permission::Granted
    } else {
        Permission::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_switch_that_is_off_is_enough_and_all_must_be_on() {
        let (on, off, none) = (Some("Allow"), Some("Deny"), None);
        for (switches, permission) in [
            ([on, on, on], Permission::Granted),
            ([none, on, on], Permission::Granted),
            ([on, on, off], Permission::Denied),
            ([on, off, on], Permission::Denied),
            ([off, on, on], Permission::Restricted),
            ([off, off, off], Permission::Restricted),
            ([on, on, none], Permission::Unknown),
            ([none; 3], Permission::Unknown),
            ([on, Some("Prompt"), on], Permission::Unknown),
        ] {
            let [machine, user, desktop] = switches;
            assert_eq!(judge(machine, user, desktop), permission, "{switches:?}");
        }
    }
}

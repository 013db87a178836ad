//! A microphone for a stream that JACK leaves unconnected: cpal joins the ports of hardware, and those that a program
//! makes, as PipeWire's virtual microphones, would never be heard.

use super::DeviceInfo;
use jack::{Client, ClientOptions, PortFlags};

/// Joins this process's unconnected input ports of cpal's to the default microphone, or where that is not known to the
/// first one. A person may join them otherwise at any time. One client, for a moment.
pub(super) fn connect(known: &[DeviceInfo]) {
    let Ok((client, _)) = Client::new("hearken", ClientOptions::NO_START_SERVER) else { return };
    let ours = format!("^cpal_client_{}_in.*:in_[0-9]+$", std::process::id());
    let alone = |name: &String| {
        client.port_by_name(name).is_some_and(|port| port.connected_count().is_ok_and(|count| count == 0))
    };
    let ours: Vec<_> =
        client.ports(Some(&ours), None, PortFlags::IS_INPUT).into_iter().filter(alone).collect();
    // What outputs play is at ports called `monitor`.
    let found = client.ports(Some(":capture_"), None, PortFlags::IS_OUTPUT);
    let microphone = choose(&found, known);
    for (index, port) in ours.iter().enumerate() {
        // One of a single channel is on all of ours.
        let Some(source) = microphone.get(index).or(microphone.last()) else { return };
        // What cannot be joined stays silent, which is told as any silence is.
        let _ = client.connect_ports_by_name(source, port);
    }
}

/// The ports of one microphone.
fn choose(found: &[String], known: &[DeviceInfo]) -> Vec<String> {
    let client = |port: &str| port.rsplit_once(':').map(|(client, _)| client.to_owned());
    let default = known.iter().find(|device| device.is_default).map(|device| device.name.clone());
    let is_there = |name: &String| found.iter().any(|port| client(port).as_ref() == Some(name));
    let wanted = default.filter(is_there).or_else(|| client(found.first()?));
    found.iter().filter(|port| client(port) == wanted).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::DeviceKind;

    #[test]
    fn the_default_microphones_ports_are_chosen_and_else_the_first_ones() {
        let ports = ["One: its name:capture_MONO", "Two:capture_FL", "Two:capture_FR"].map(String::from);
        let device = DeviceInfo {
            host: "pulseaudio".into(),
            id: "two".into(),
            name: "Two".into(),
            kind: DeviceKind::Microphone,
            is_default: true,
            format: None,
        };
        assert_eq!(choose(&ports, &[]), ["One: its name:capture_MONO"]);
        assert_eq!(choose(&ports, &[device]), ["Two:capture_FL", "Two:capture_FR"]);
        assert!(choose(&[], &[]).is_empty());
    }
}

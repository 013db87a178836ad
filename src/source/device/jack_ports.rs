//! Which ports a stream of JACK's hears. cpal joins the ports of hardware once, when it opens; those that a program makes,
//! as PipeWire's virtual microphones, would never be heard, and one that goes would leave silence.

use super::watch;
use crate::source::{Host, Stop};
use crate::time::{Clock, Waker};
use jack::{AsyncClient, Client, ClientOptions, Control, NotificationHandler, PortFlags, PortId};

/// A client of its own that hears of ports for as long as a stream is open.
pub(super) struct Ports {
    client: AsyncClient<Told, ()>,
    /// Where JACK is PipeWire, its PulseAudio door tells when there is another default microphone, and which it was.
    default: Option<(String, Option<Stop>)>,
}

/// Wakes the thread that holds the stream.
struct Told(Waker);

impl NotificationHandler for Told {
    fn port_registration(&mut self, _: &Client, _: PortId, _: bool) {
        self.0.wake();
    }

    fn ports_connected(&mut self, _: &Client, _: PortId, _: PortId, _: bool) {
        self.0.wake();
    }

    fn graph_reorder(&mut self, _: &Client) -> Control {
        Control::Continue
    }
}

impl Ports {
    /// None where the server does not let us in. `thread` is woken when there is something to look at.
    pub fn new(clock: &Clock, thread: Waker) -> Option<Self> {
        let (client, _) = Client::new("hearken", ClientOptions::NO_START_SERVER).ok()?;
        let client = client.activate_async(Told(thread.clone()), ()).ok()?;
        let mut ports = Self { client, default: None };
        let is_pipewire =
            default().is_some_and(|name| ports.microphones().iter().any(|port| client_of(port) == name));
        if is_pipewire {
            let news = watch(Host::from("pulseaudio"), clock, move || thread.wake());
            ports.default = default().map(|name| (name, news));
        }
        Some(ports)
    }

    /// Whether this process's streams hear anything. Joins those that do not to the default microphone, or where that is
    /// not known to the first one; a person may join them otherwise at any time.
    pub fn are_joined(&self) -> bool {
        let client = self.client.as_client();
        let ours = format!("^cpal_client_{}_in.*:in_[0-9]+$", std::process::id());
        let ours = client.ports(Some(&ours), None, PortFlags::IS_INPUT);
        let is_joined = |name: &String| {
            client.port_by_name(name).is_some_and(|port| port.connected_count().is_ok_and(|count| count > 0))
        };
        if ours.iter().any(is_joined) {
            return true;
        }
        let microphone = choose(&self.microphones(), self.default.as_ref().map(|(name, _)| name.as_str()));
        let mut some = false;
        for (index, port) in ours.iter().enumerate() {
            // One of a single channel is on all of ours.
            if let Some(source) = microphone.get(index).or(microphone.last()) {
                some |= client.connect_ports_by_name(source, port).is_ok();
            }
        }
        some
    }

    /// Whether another microphone is the default now.
    pub fn has_moved(&self) -> bool {
        self.default.as_ref().is_some_and(|(before, _)| default().is_some_and(|now| now != *before))
    }

    /// The ports of hardware; where there is none, those of sources that programs make. What outputs play is at ports
    /// called `monitor`.
    fn microphones(&self) -> Vec<String> {
        let hardware =
            self.client.as_client().ports(None, None, PortFlags::IS_OUTPUT | PortFlags::IS_PHYSICAL);
        if !hardware.is_empty() {
            return hardware;
        }
        self.client.as_client().ports(Some(":capture_"), None, PortFlags::IS_OUTPUT)
    }
}

/// The default microphone's name at PipeWire's PulseAudio door, which is that of its client here.
fn default() -> Option<String> {
    #[cfg(target_os = "linux")]
    let known = super::by_pulse::list().unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    let known = Vec::<super::DeviceInfo>::new();
    known.into_iter().find(|device| device.is_default).map(|device| device.name)
}

/// The client of a port.
fn client_of(port: &str) -> &str {
    port.rsplit_once(':').map_or(port, |(client, _)| client)
}

/// The ports of one microphone.
fn choose(found: &[String], default: Option<&str>) -> Vec<String> {
    let is_there = |name: &&str| found.iter().any(|port| client_of(port) == *name);
    let wanted = default.filter(is_there).or_else(|| Some(client_of(found.first()?)));
    found.iter().filter(|port| Some(client_of(port)) == wanted).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn the_default_microphones_ports_are_chosen_and_else_the_first_ones() {
        let ports = ["One: its name:capture_MONO", "Two:capture_FL", "Two:capture_FR"].map(String::from);
        assert_eq!(choose(&ports, None), ["One: its name:capture_MONO"]);
        assert_eq!(choose(&ports, Some("Two")), ["Two:capture_FL", "Two:capture_FR"]);
        assert_eq!(choose(&ports, Some("gone")), ["One: its name:capture_MONO"]);
        assert!(choose(&[], Some("Two")).is_empty());
    }
}

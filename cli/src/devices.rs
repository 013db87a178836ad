//! `hearken devices`.

use crate::args::DevicesArgs;
use crate::failure::{Failure, print};
use hearken::{DeviceInfo, Error, ErrorKind, Permission};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// A device as `--json` tells it; the format is `null` where the device cannot be asked now.
#[derive(Debug, Serialize)]
struct Device<'a> {
    host: &'a str,
    id: &'a str,
    name: &'a str,
    kind: &'static str,
    default: bool,
    rate_hz: Option<u32>,
    channels: Option<u16>,
    sample_format: Option<&'static str>,
}

pub fn run(args: &DevicesArgs) -> Result<(), Failure> {
    let devices = hearken::devices(&args.host.as_deref().into()).map_err(unknown_host_is_usage)?;
    if args.json {
        let told: Vec<_> = devices.iter().map(Device::from).collect();
        let text = serde_json::to_string_pretty(&told).map_err(|error| Failure::run(error.to_string()))?;
        return print(&(text + "\n"));
    }
    let (shown, hidden): (Vec<_>, Vec<_>) =
        devices.into_iter().partition(|device| args.all || device.kind.is_microphone());
    if !shown.is_empty() || !hidden.is_empty() {
        print(&table(&shown, hidden.len()))?;
    }
    let devices = shown;
    // A system without a microphone may still list a default, which then cannot be asked for its format.
    if devices.iter().all(|device| !device.is_default || device.format.is_none()) {
        let what =
            if devices.is_empty() { "there is no input device" } else { "the default is not available" };
        let advice = "plug a microphone in, or start the audio service; \
                      `hearken record --input synthetic` works without one";
        let _ = writeln!(io::stderr(), "{what}: {advice}");
    }
    let _ = match hearken::permission() {
        Permission::Granted | Permission::Unknown => Ok(()),
        said => writeln!(io::stderr(), "access to microphones: {said}"),
    };
    Ok(())
}

/// Here nothing but the host was named, so only the host can be missing.
fn unknown_host_is_usage(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::usage(error.to_string()),
        _ => error.into(),
    }
}

/// With a line for each device, and how many are not among them.
fn table(devices: &[DeviceInfo], hidden: usize) -> String {
    let rows = devices.iter().map(|device| {
        // What nobody would choose was not asked.
        let none = if device.kind.is_microphone() { "not available now" } else { "-" };
        let format = device.format.map_or_else(|| none.to_owned(), |format| format.to_string());
        [one_line(&device.id), one_line(&device.name), device.kind.name().to_owned(), format]
    });
    let head = ["ID", "NAME", "KIND", "FORMAT"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (id_width, name_width, kind_width) = (width(0), width(1), width(2));
    let mut text = String::new();
    // Writing to a string does not fail.
    for (row, [id, name, kind, format]) in rows.iter().enumerate().filter(|_| !devices.is_empty()) {
        let mark = if row > 0 && devices[row - 1].is_default { '*' } else { ' ' };
        let _ = writeln!(text, "{mark} {id:id_width$}  {name:name_width$}  {kind:kind_width$}  {format}");
    }
    if let Some(first) = devices.first() {
        let _ = writeln!(text, "\nhost {}; * is the default; record with --input ID", first.host);
    }
    if hidden > 0 {
        let _ = writeln!(text, "{hidden} more that are no microphones: --all");
    }
    text
}

/// ALSA's names come in two lines.
fn one_line(name: &str) -> String {
    name.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

impl<'a> From<&'a DeviceInfo> for Device<'a> {
    fn from(device: &'a DeviceInfo) -> Self {
        Self {
            host: &device.host,
            id: &device.id,
            name: &device.name,
            kind: device.kind.name(),
            default: device.is_default,
            rate_hz: device.format.map(|format| format.rate_hz),
            channels: device.format.map(|format| format.channels),
            sample_format: device.format.map(|format| format.sample.name()),
        }
    }
}

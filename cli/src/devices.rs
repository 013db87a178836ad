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
    if !devices.is_empty() {
        print(&table(&devices))?;
    }
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

fn table(devices: &[DeviceInfo]) -> String {
    let rows = devices.iter().map(|device| {
        let format =
            device.format.map_or_else(|| "not available now".to_owned(), |format| format.to_string());
        [one_line(&device.id), one_line(&device.name), format]
    });
    let head = ["ID", "NAME", "FORMAT"].map(str::to_owned);
    let rows: Vec<[String; 3]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (id_width, name_width) = (width(0), width(1));
    let mut text = String::new();
    for (row, [id, name, format]) in rows.iter().enumerate() {
        let mark = if row > 0 && devices[row - 1].is_default { '*' } else { ' ' };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{mark} {id:id_width$}  {name:name_width$}  {format}");
    }
    let host = &devices[0].host;
    let _ = writeln!(text, "\nhost {host}; * is the default; record with --input ID");
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
            default: device.is_default,
            rate_hz: device.format.map(|format| format.rate_hz),
            channels: device.format.map(|format| format.channels),
            sample_format: device.format.map(|format| format.sample.name()),
        }
    }
}

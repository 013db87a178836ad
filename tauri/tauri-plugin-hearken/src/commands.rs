//! What a page may call, where its permissions allow it. A path never comes from there.

use crate::error::Result;
use crate::models::{Device, Notice, Status, TakeInfo, TakeRequest};
use crate::studio::Hearken;
use tauri::ipc::{Channel, Response};
use tauri::{Runtime, State, Webview, command};

/// The microphones that there are, the default one first.
#[command(async)]
pub(crate) fn devices(hearken: State<'_, Hearken>) -> Result<Vec<Device>> {
    hearken.devices()
}

/// Everything but the levels.
#[command]
pub(crate) fn status(hearken: State<'_, Hearken>) -> Status {
    hearken.status()
}

/// The newest levels, as bytes.
#[command]
pub(crate) fn picture(hearken: State<'_, Hearken>) -> Response {
    Response::new(hearken.picture())
}

/// Tells this page of what is rare, from now on.
#[command]
pub(crate) fn watch<R: Runtime>(
    webview: Webview<R>,
    hearken: State<'_, Hearken>,
    on_notice: Channel<Notice>,
) {
    hearken.studio().watchers.join(webview.label().to_owned(), on_notice);
}

/// Holds the device open.
#[command(async)]
pub(crate) fn open(hearken: State<'_, Hearken>, device: Option<String>) -> Result<Status> {
    hearken.open(device)
}

/// Lets go of the device.
#[command(async)]
pub(crate) fn close(hearken: State<'_, Hearken>) -> Result<Status> {
    hearken.close()
}

/// Begins a take; its id.
#[command(async)]
pub(crate) fn start_take(hearken: State<'_, Hearken>, request: TakeRequest) -> Result<String> {
    hearken.start_take(request)
}

/// Ends the take; both of its files are complete.
#[command(async)]
pub(crate) fn finish_take(hearken: State<'_, Hearken>) -> Result<TakeInfo> {
    hearken.finish_take()
}

/// Throws the take away.
#[command(async)]
pub(crate) fn cancel_take(hearken: State<'_, Hearken>) -> Result<Status> {
    hearken.cancel_take()
}

/// Leaves out what comes from now on.
#[command(async)]
pub(crate) fn pause(hearken: State<'_, Hearken>) -> Result<Status> {
    hearken.pause(true)
}

/// Goes on.
#[command(async)]
pub(crate) fn resume(hearken: State<'_, Hearken>) -> Result<Status> {
    hearken.pause(false)
}

/// Mutes the microphone, or not.
#[command(async)]
pub(crate) fn mute(hearken: State<'_, Hearken>, muted: bool) -> Result<Status> {
    hearken.mute(muted)
}

/// The takes that there are, the newest first.
#[command(async)]
pub(crate) fn takes(hearken: State<'_, Hearken>) -> Result<Vec<TakeInfo>> {
    hearken.takes()
}

/// A take's WAV file, as bytes.
#[command(async)]
pub(crate) fn take_audio(hearken: State<'_, Hearken>, id: String) -> Result<Response> {
    Ok(Response::new(hearken.take_audio(&id)?))
}

/// Removes a take.
#[command(async)]
pub(crate) fn delete_take(hearken: State<'_, Hearken>, id: String) -> Result<()> {
    hearken.delete_take(&id)
}

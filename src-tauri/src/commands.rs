//! What the window may ask for. Each command is a line into the client or the session; the names and arguments are the
//! methods of `ui/src/platform/types.ts`, the list of what is allowed is `permissions/window.toml`.

#![allow(clippy::needless_pass_by_value)] // Tauri hands arguments over by value

use tauri::State;
use watchbell_client::view::{IssueFilter, IssuePage, NotificationFilter, NotificationPage, ProjectView};
use watchbell_protocol::{AnalysisId, NotificationId, ProjectId, Seq, Text, UnixMillis, event::Viewing};

use crate::{bridge::Page, latency, session::SignInForm, shell::Shell, view::AppError};

type Answer<T = ()> = Result<T, AppError>;

/// Begins the stream of changes to this page.
#[tauri::command]
pub async fn subscribe(shell: State<'_, Shell>, channel: Page) -> Answer {
    shell.bridge.subscribe(channel).await;
    Ok(())
}

#[tauri::command]
pub async fn sign_in(shell: State<'_, Shell>, form: SignInForm) -> Answer {
    shell.session.sign_in(form).await
}

#[tauri::command]
pub async fn sign_out(shell: State<'_, Shell>) -> Answer {
    shell.session.sign_out().await
}

#[tauri::command]
pub async fn look_for_keyring(shell: State<'_, Shell>) -> Answer {
    shell.session.look_for_keyring().await
}

#[tauri::command]
pub fn connect(shell: State<'_, Shell>) -> Answer {
    shell.session.client().map(|client| client.connect())
}

#[tauri::command]
pub fn disconnect(shell: State<'_, Shell>) -> Answer {
    shell.session.client().map(|client| client.disconnect())
}

#[tauri::command]
pub fn retry_now(shell: State<'_, Shell>) -> Answer {
    shell.session.client().map(|client| client.retry_now())
}

#[tauri::command]
pub async fn project(shell: State<'_, Shell>, project: ProjectId) -> Answer<ProjectView> {
    let known = shell.session.client()?.project(project).await?;
    known.ok_or_else(|| AppError::new("This project is not known here."))
}

#[tauri::command]
pub async fn issues(
    shell: State<'_, Shell>,
    analysis: AnalysisId,
    filter: IssueFilter,
    offset: u32,
    limit: u32,
) -> Answer<IssuePage> {
    Ok(shell.session.client()?.issues(analysis, &filter, offset, limit).await?)
}

#[tauri::command]
pub async fn notifications(shell: State<'_, Shell>, filter: NotificationFilter) -> Answer<NotificationPage> {
    Ok(shell.session.client()?.notifications(&filter).await?)
}

#[tauri::command]
pub async fn mark_read(shell: State<'_, Shell>, ids: Vec<NotificationId>) -> Answer {
    Ok(shell.session.client()?.mark_read(ids).await?)
}

#[tauri::command]
pub async fn mark_all_read(shell: State<'_, Shell>, through: Seq) -> Answer {
    Ok(shell.session.client()?.mark_all_read(through).await?)
}

#[tauri::command]
pub async fn clear_all(shell: State<'_, Shell>, through: Seq) -> Answer {
    Ok(shell.session.client()?.clear_all(through).await?)
}

#[tauri::command]
pub async fn cancel_analysis(shell: State<'_, Shell>, analysis: AnalysisId) -> Answer {
    Ok(shell.session.client()?.cancel_analysis(analysis).await?)
}

/// What is being looked at; nothing without a project.
#[tauri::command]
pub fn set_viewing(shell: State<'_, Shell>, project: Option<ProjectId>, place: String) {
    let viewing = project.map(|project| Viewing { project, place: Text::clip(place) });
    shell.viewing.send_replace(viewing);
}

/// Says in a sentence what happened.
#[tauri::command]
pub async fn test_popup(shell: State<'_, Shell>) -> Answer<String> {
    Ok(shell.popups.test().await)
}

/// Opens a web page in the browser: http and https only, because an address can come from a detector.
#[tauri::command]
pub fn open_url(url: url::Url) -> Answer {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AppError::new(format!("A {} address is not opened.", url.scheme())));
    }
    open::that_detached(url.as_str())
        .map_err(|error| AppError::new(format!("The browser could not be opened: {error}.")))
}

/// A progress value measured at that time is on the screen now.
#[tauri::command]
pub fn painted(measured_at: UnixMillis) {
    latency::painted(measured_at);
}

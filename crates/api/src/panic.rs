//! The panic, and the way out of it.

use fieldrail_node::{PanicRequest, PanicView, RearmRequest};

use crate::answer::Json;
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

pub(crate) fn view(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<PanicView>> {
    Ok(Json(call.node().panic_view()))
}

pub(crate) async fn panic(call: Call, _: NoQuery, request: Option<Json<PanicRequest>>) -> Result<Json<PanicView>> {
    let request = request.map(|Json(request)| request).unwrap_or_default();
    Ok(Json(call.node().panic(call.who()?, &request).await?))
}

pub(crate) async fn rearm(call: Call, _: NoQuery, Json(request): Json<RearmRequest>) -> Result<Json<PanicView>> {
    Ok(Json(call.node().rearm(call.who()?, &request).await?))
}

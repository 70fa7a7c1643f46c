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
    if request.drill {
        call.about("", "drill: only asked what would happen");
        call.changes_nothing();
    }
    Ok(Json(call.node().panic(call.who()?, &request).await?))
}

pub(crate) async fn rearm(call: Call, _: NoQuery, Json(request): Json<RearmRequest>) -> Result<Json<PanicView>> {
    let instance = request.instance.as_deref().unwrap_or("the router");
    call.about(instance, format!("panic {}", request.number));
    Ok(Json(call.node().rearm(call.who()?, &request).await?))
}

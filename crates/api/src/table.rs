//! Every end point there is.

use std::sync::LazyLock;

use axum::http::Method;
use fieldrail_node::dashboards::MOST_IMPORTED;

use crate::endpoint::Access::{Admin, Open, Operator, Viewer};
use crate::endpoint::{Endpoint, at};
use crate::{
    alarms, audit, backup, camera, certificate, connections, dashboard_versions, dashboards, data, errors, files,
    instances, live, logs, metrics, panic, people, routes, search, summary, system, widgets,
};

static TABLE: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
    let areas = [
        of_people(),
        of_data(),
        of_routes(),
        of_dashboards(),
        of_widgets(),
        of_connections(),
        of_instances(),
        of_panic(),
        of_alarms(),
        of_system(),
        of_files(),
    ];
    areas.into_iter().flatten().collect()
});

/// Every end point there is, in the order of the manual.
pub fn endpoints() -> &'static [Endpoint] {
    &TABLE
}

const GET: Method = Method::GET;
const PUT: Method = Method::PUT;
const POST: Method = Method::POST;
const DELETE: Method = Method::DELETE;

fn of_people() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/setup", Open, "Say whether the house waits for its set-up.").answers(people::is_set_up),
        at(POST, "/api/setup", Open, "Make the first administrator; closes for good.").answers_later(people::set_up),
        at(POST, "/api/login", Open, "Begin a session.").answers_later(people::log_in),
        at(POST, "/api/logout", Viewer, "End the session.").by_address().answers(people::log_out),
        at(GET, "/api/me", Viewer, "Say who asks.").by_address().answers(people::me),
        at(POST, "/api/me/password", Viewer, "Change one's own password; all other sessions end.")
            .answers_later(people::change_own_password),
        at(GET, "/api/admin/users", Admin, "List the users.").answers(people::users),
        at(POST, "/api/admin/users", Admin, "Add a user.").answers_later(people::add_user),
        at(PUT, "/api/admin/users/{name}", Admin, "Change a user; their sessions end.")
            .answers_later(people::change_user),
        at(DELETE, "/api/admin/users/{name}", Admin, "Remove a user; their sessions end.").answers(people::remove_user),
        at(DELETE, "/api/admin/users/{name}/sessions", Admin, "End all sessions of a user.")
            .answers(people::end_sessions),
        at(GET, "/api/admin/tokens", Admin, "List the tokens of machines.").answers(people::tokens),
        at(POST, "/api/admin/tokens", Admin, "Make a token; its secret is shown once.").answers(people::add_token),
        at(DELETE, "/api/admin/tokens/{id}", Admin, "Take a token back; its connections end.")
            .answers(people::remove_token),
    ]
}

fn of_data() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/datapoints", Viewer, "List datapoints by their address.").by_address().answers(data::list),
        at(GET, "/api/datapoint", Viewer, "Show one datapoint.").by_address().answers_later(data::one),
        at(POST, "/api/datapoint/write", Operator, "Write a value and wait for the end of it.")
            .by_address()
            .answers_later(data::write),
        at(POST, "/api/datapoint/pulse", Operator, "Write a value, and after a while its opposite.")
            .by_address()
            .answers_later(data::pulse),
        at(GET, "/api/pulses", Viewer, "List the pulses whose end has not reached its device.")
            .by_address()
            .answers(data::pulses),
        at(GET, "/api/datapoint/history", Viewer, "Show the last values of a datapoint since somebody looked first.")
            .by_address()
            .answers(data::history),
        at(GET, "/api/datapoint/columns", Viewer, "Show the last values of a datapoint in pixel columns.")
            .by_address()
            .answers(data::columns),
        at(GET, "/api/datapoint/near", Viewer, "Say what is there in the place of a datapoint that is gone.")
            .by_address()
            .answers_later(data::near),
        at(GET, "/api/browse", Viewer, "Open a node of an instance's tree.").by_address().answers_later(data::browse),
        at(GET, "/api/search", Viewer, "Find datapoints, instances, routes and alarms by words, the best first.")
            .by_address()
            .answers(search::house),
        at(GET, "/api/search/devices", Viewer, "Find nodes in the trees of devices, of those that answer in time.")
            .by_address()
            .answers_later(search::devices),
        at(GET, "/api/browse/search", Viewer, "Find nodes at any depth of an instance's tree.")
            .by_address()
            .answers_later(data::find),
        at(GET, "/api/live", Viewer, "Follow datapoints and instances over a WebSocket.")
            .by_address()
            .upgrades(live::follow),
    ]
}

fn of_dashboards() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/dashboards", Viewer, "List the pages of widgets that one may see, in their order.")
            .answers(dashboards::list),
        at(POST, "/api/dashboards", Admin, "Add a page.").answers(dashboards::add),
        at(POST, "/api/dashboards/order", Admin, "Give the pages another order.").answers(dashboards::order),
        at(GET, "/api/dashboards/{id}", Viewer, "Show one page.").answers(dashboards::one),
        at(PUT, "/api/dashboards/{id}", Admin, "Change a page.").answers(dashboards::put),
        at(DELETE, "/api/dashboards/{id}", Admin, "Remove a page with all that stands on it.")
            .answers(dashboards::remove),
        at(GET, "/api/widgets/state", Viewer, "Say which change of a dashboard was the last, and what one can undo.")
            .answers(dashboards::state),
        at(GET, "/api/widgets/versions", Admin, "List the changes of dashboards, newest first.")
            .answers(dashboard_versions::list),
        at(GET, "/api/widgets/versions/{id}", Admin, "Show what a change did.").answers(dashboard_versions::one),
        at(GET, "/api/widgets/versions/{id}/difference", Admin, "Say how the dashboards after two changes differ.")
            .answers(dashboard_versions::difference),
        at(
            POST,
            "/api/widgets/versions/{id}/restore",
            Admin,
            "Make the dashboards, or one entry, be again what they were after a change.",
        )
        .answers(dashboard_versions::restore),
        at(POST, "/api/widgets/undo", Admin, "Take one's own last change back, but nothing of others.")
            .answers(dashboard_versions::undo),
        at(POST, "/api/widgets/redo", Admin, "Take one's own last undo back.").answers(dashboard_versions::redo),
    ]
}

fn of_widgets() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/widgets", Viewer, "List the widgets that one may see.").answers(widgets::list),
        at(POST, "/api/widgets", Admin, "Add a widget.").answers(widgets::add),
        at(POST, "/api/widgets/batch", Admin, "Add, change, move and remove widgets in one change, or none of them.")
            .up_to(MOST_IMPORTED)
            .answers(widgets::batch),
        at(GET, "/api/widgets/export", Admin, "Save all dashboards as one file.").answers(widgets::export),
        at(POST, "/api/widgets/import", Admin, "Take dashboards from a file, all of it or nothing, with a report.")
            .up_to(MOST_IMPORTED)
            .answers(widgets::import),
        at(PUT, "/api/widgets/pin", Admin, "Give the house another PIN for widgets that ask for it.")
            .answers_later(widgets::set_pin),
        at(DELETE, "/api/widgets/pin", Admin, "Take the PIN of the house away.").answers(widgets::remove_pin),
        at(GET, "/api/widgets/templates", Admin, "List the templates.").answers(widgets::templates),
        at(POST, "/api/widgets/templates", Admin, "Add a template.").answers(widgets::add_template),
        at(PUT, "/api/widgets/templates/{id}", Admin, "Change a template.").answers(widgets::put_template),
        at(DELETE, "/api/widgets/templates/{id}", Admin, "Remove a template.").answers(widgets::remove_template),
        at(GET, "/api/widgets/{id}", Viewer, "Show one widget.").answers(widgets::one),
        at(PUT, "/api/widgets/{id}", Admin, "Change a widget.").answers(widgets::put),
        at(DELETE, "/api/widgets/{id}", Admin, "Remove a widget.").answers(widgets::remove),
        at(POST, "/api/widgets/{id}/operate", Operator, "Operate a widget: write or pulse what it is bound to.")
            .by_address()
            .answers_later(widgets::operate),
        at(GET, "/api/camera/{id}", Viewer, "Show the picture of a camera widget, or its stream of them.")
            .answers_later(camera::picture),
    ]
}

fn of_routes() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/router/routes", Viewer, "List the routes and what each has done.").answers(routes::list),
        at(PUT, "/api/router/routes", Admin, "Replace all routes.").up_to(routes::MOST_RULES).answers(routes::replace),
        at(POST, "/api/router/routes", Admin, "Add a route.").answers(routes::add),
        at(GET, "/api/router/routes/{id}", Viewer, "Show one route.").answers(routes::one),
        at(PUT, "/api/router/routes/{id}", Admin, "Add or change a route.").answers(routes::put),
        at(DELETE, "/api/router/routes/{id}", Admin, "Remove a route.").answers(routes::remove),
        at(POST, "/api/router/check", Admin, "Say what is wrong in these rules, or in those on disk; changes nothing.")
            .up_to(routes::MOST_RULES)
            .answers(routes::check),
        at(POST, "/api/router/try", Viewer, "Say what a route would make of present values; changes nothing.")
            .by_address()
            .answers(routes::attempt),
        at(GET, "/api/router/language", Viewer, "List the words of conditions and transforms with their meaning.")
            .by_address()
            .answers(routes::language),
        at(POST, "/api/router/data", Operator, "Give the data space a value of `calc` or of a virtual instance.")
            .by_address()
            .answers(data::route_data),
        at(GET, "/api/router/explain", Viewer, "Say why a datapoint has its value.")
            .by_address()
            .answers(data::explain),
        at(GET, "/api/router/tap", Viewer, "Watch values on their way through the router over a WebSocket.")
            .by_address()
            .upgrades(live::tap),
        at(GET, "/api/router/record", Admin, "Record what comes into the router over a WebSocket.")
            .upgrades(live::record),
        at(GET, "/api/router/stats", Viewer, "Say what the router has done.").answers(routes::stats),
    ]
}

fn of_connections() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/connections", Admin, "List the connections as configured.").answers(connections::list),
        at(POST, "/api/connections", Admin, "Add a connection and start it.").answers(connections::add),
        at(POST, "/api/connections/test", Admin, "Try a connection that is not saved.")
            .answers_later(connections::test),
        at(POST, "/api/connections/test/call/{action}", Admin, "Try an action of a connection that is not saved.")
            .answers_later(connections::try_action),
        at(GET, "/api/connections/{id}", Admin, "Show a connection as configured.").answers(connections::one),
        at(PUT, "/api/connections/{id}", Admin, "Change a connection; only its instance restarts.")
            .answers(connections::put),
        at(DELETE, "/api/connections/{id}", Admin, "Remove a connection and end its instance.")
            .answers(connections::remove),
        at(GET, "/api/connections/{id}/dependents", Admin, "Say what needs an instance.")
            .answers(connections::dependents),
        at(POST, "/api/connections/{id}/bring_back", Admin, "Bring a removed connection back as it stood last.")
            .answers(connections::bring_back),
        at(POST, "/api/connections/{id}/connect", Admin, "Join an instance to the router again.")
            .answers(instances::attach),
        at(POST, "/api/connections/{id}/disconnect", Admin, "Cut an instance from the router; its process goes on.")
            .answers(instances::detach),
        at(POST, "/api/connections/{id}/call/{action}", Admin, "Have an instance do one of its actions.")
            .answers_later(connections::act),
    ]
}

fn of_instances() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/admin/instances", Viewer, "List the instances as they run.").answers(instances::list),
        at(POST, "/api/admin/instances/{id}/start", Admin, "Start an instance, and keep it enabled.")
            .answers(instances::start),
        at(POST, "/api/admin/instances/{id}/stop", Admin, "Stop an instance, and keep it disabled.")
            .answers(instances::stop),
        at(POST, "/api/admin/instances/{id}/restart", Admin, "Stop an instance in order and start it again.")
            .answers(instances::restart),
        at(POST, "/api/admin/instances/{id}/kill", Admin, "End the process of an instance at once.")
            .answers(instances::kill),
        at(POST, "/api/admin/instances/{id}/reactivate", Admin, "Let a suspended instance begin anew.")
            .answers(instances::reactivate),
        at(POST, "/api/admin/instances/{id}/limits", Admin, "Give an instance other limits, in force at once.")
            .answers(instances::limits),
        at(GET, "/api/admin/instances/{id}/logs", Viewer, "Show what an instance said, newest first.")
            .answers(logs::of_instance),
        at(
            GET,
            "/api/admin/instances/{id}/metrics",
            Viewer,
            "Show what an instance took over a time of up to 30 days.",
        )
        .answers(metrics::of_instance),
    ]
}

fn of_panic() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/admin/panic", Viewer, "Say whether the house is in panic, and what each step out of it does.")
            .answers(panic::view),
        at(
            POST,
            "/api/admin/panic",
            Operator,
            "Panic: write safe values, then let no write leave; or say what would be.",
        )
        .answers_later(panic::panic),
        at(POST, "/api/admin/panic/rearm", Admin, "Take one step out of the panic.").answers_later(panic::rearm),
    ]
}

fn of_alarms() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/alarms", Viewer, "List the alarms that are active or not acknowledged.")
            .by_address()
            .answers(alarms::list),
        at(GET, "/api/alarms/events", Viewer, "Show what has happened to alarms, newest first.")
            .by_address()
            .answers(alarms::events),
        at(POST, "/api/alarms/acknowledge", Operator, "Say that somebody has seen these alarms.")
            .by_address()
            .answers_later(alarms::acknowledge),
    ]
}

fn of_system() -> Vec<Endpoint> {
    vec![
        at(GET, "/healthz", Open, "Say that the daemon answers.").answers(system::health),
        at(GET, "/metrics", Viewer, "Show all present figures as Prometheus reads them.").answers(metrics::prometheus),
        at(
            GET,
            "/api/system/metrics/{name}",
            Viewer,
            "Show what the `box` or the `daemon` took over a time of up to 30 days.",
        )
        .answers(metrics::of_the_house),
        at(POST, "/api/system/restart", Admin, "End the daemon in order and begin anew.").answers(system::restart),
        at(GET, "/api/logs", Viewer, "Show what was said, newest first.").answers(logs::all),
        at(GET, "/api/logs/export", Viewer, "Save what was said as JSON or CSV, newest first.").answers(logs::export),
        at(GET, "/api/errors", Viewer, "List what failed, by cause, the last seen first.").answers(errors::list),
        at(GET, "/api/errors/{id}", Viewer, "Show one cause with its newest occurrences.").answers(errors::one),
        at(POST, "/api/errors/{id}/resolve", Admin, "Mark a cause as resolved until it is seen again.")
            .answers(errors::resolve),
        at(DELETE, "/api/errors/{id}", Admin, "Forget a cause with its occurrences.").answers(errors::remove),
        at(GET, "/api/audit", Admin, "Show who did what, newest first.").answers(audit::list),
        at(GET, "/api/audit/verify", Admin, "Prove that no row of the audit trail was changed.").answers(audit::verify),
        at(GET, "/api/plugins", Viewer, "List the drivers and plugins at hand.").answers(system::plugins),
        at(GET, "/api/system/status", Viewer, "Say how the daemon stands.").answers(system::status),
        at(GET, "/api/system/summary", Viewer, "Say how the daemon stands and what needs a hand.")
            .answers(summary::summary),
        at(GET, "/api/openapi.json", Viewer, "Describe all this.").by_address().answers(system::openapi),
    ]
}

fn of_files() -> Vec<Endpoint> {
    vec![
        at(GET, "/api/admin/files", Admin, "List the files of the configuration and how each stands.")
            .answers(files::list),
        at(GET, "/api/admin/files/{name}/versions", Admin, "List what a file said before, newest first.")
            .answers(files::versions),
        at(GET, "/api/admin/files/{name}/versions/{id}", Admin, "Show what a file said before.")
            .answers(files::version),
        at(
            POST,
            "/api/admin/files/{name}/versions/{id}/restore",
            Admin,
            "Make a file say again what it said before; in force at once.",
        )
        .answers(files::restore),
        at(GET, "/api/admin/backup", Admin, "Save the whole configuration as one archive, without secrets.")
            .answers(backup::save),
        at(GET, "/api/admin/certificate", Admin, "Show the certificate for HTTPS that is in force.")
            .answers(certificate::view),
        at(PUT, "/api/admin/certificate", Admin, "Take another certificate for HTTPS into force, at once.")
            .answers(certificate::put),
        at(POST, "/api/admin/certificate/self-signed", Admin, "Make the house's own certificate for HTTPS anew.")
            .answers(certificate::sign),
        at(PUT, "/api/admin/https", Admin, "Switch HTTPS on or off; counts from the next start.")
            .answers(certificate::put_https),
        at(GET, "/api/system/licences", Viewer, "List what Fieldrail is made of, with its licences.")
            .answers(system::licences),
    ]
}

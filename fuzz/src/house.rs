//! The instances that the rules of all targets live with: those of `docs/specs/routing.md`.

use std::borrow::Cow;

use fieldrail_model::IecType;
use fieldrail_router::{Declared, Directory, InstanceFacts, TargetClass};

/// What may be declared of `plc_002.x`, by number; 0 is nothing.
pub const TYPES: [Option<IecType>; 8] = [
    None,
    Some(IecType::Bool),
    Some(IecType::Int),
    Some(IecType::Ulint),
    Some(IecType::Lint),
    Some(IecType::Lreal),
    Some(IecType::String),
    Some(IecType::Json),
];

/// The instances, and the type of one datapoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct House {
    /// The type of `plc_002.x`, if somebody said it.
    pub x: Option<IecType>,
}

impl Directory for House {
    fn instances(&self) -> Vec<(String, InstanceFacts)> {
        let state = InstanceFacts { case_insensitive: false, targets: TargetClass::State, writable: true };
        let facts = [
            ("plc_001", InstanceFacts { case_insensitive: true, ..state }),
            ("plc_002", state),
            ("mqtt.broker_local", state),
            ("bt.bms_001", InstanceFacts { writable: false, ..state }),
            ("webhook.alert_service", InstanceFacts { targets: TargetClass::Event, ..state }),
        ];
        facts.into_iter().map(|(id, facts)| (id.to_owned(), facts)).collect()
    }

    fn canonical<'a>(&self, _instance: &str, tag: &'a str) -> Cow<'a, str> {
        tag.to_lowercase().into()
    }

    fn declared(&self, address: &str) -> Declared {
        let (r#type, unit) = match address {
            "plc_002.x" => (self.x, None),
            "bt.bms_001.voltage" => (Some(IecType::Uint), Some("mV")),
            "plc_001.main.fbbattery.fvoltage" => (Some(IecType::Real), Some("V")),
            "mqtt.broker_local.solar/pv_power" => (Some(IecType::Real), Some("W")),
            "plc_002.light" => (Some(IecType::Bool), None),
            "plc_002.setpoint" => (Some(IecType::Int), None),
            _ => (None, None),
        };
        Declared { r#type, unit: unit.map(Into::into) }
    }
}

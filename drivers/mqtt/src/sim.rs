//! A house that plays on the configured broker, over a connection of its own, in the manner of SolarAssistant and lights
//! with a set and a state topic. A day takes ten minutes.

mod house;

use std::time::Duration;

use bytes::Bytes;
use tokio::task::spawn_local;
use tokio::time::{Instant, interval, sleep};

use crate::link::{self, Event, Options, Publish, Sender, random};
use house::House;

/// How often values are published.
const STEP: Duration = Duration::from_millis(500);

/// How long a light takes to switch.
const LAMP: Duration = Duration::from_millis(60);

/// Where commands for lights arrive.
const SET: &str = "house/light/+/set";

/// Plays until the driver ends; waits for the broker to appear.
pub(crate) async fn play(options: Options) {
    let mut house = House::new(random());
    let mut waits = fieldrail_driver::Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
    loop {
        if follow(&options, &mut house, &mut waits).await.is_none() {
            return;
        }
        sleep(waits.next(random())).await;
    }
}

/// One connection, until it breaks. None if the configuration can never work; the driver itself says why.
async fn follow(options: &Options, house: &mut House, waits: &mut fieldrail_driver::Backoff) -> Option<()> {
    let (sender, mut link) = link::open(options).ok()?;
    let mut playing = None;
    while let Ok(event) = link.next().await {
        match event {
            Event::Connected(_) => {
                waits.reset();
                sender.subscribe(&[(SET.to_owned(), 1)]);
                for room in house::ROOMS {
                    let state = if house.light(room) { "true" } else { "false" };
                    publish(&sender, &format!("house/light/{room}/state"), state.into());
                }
                // A second connection would play a second house: the task ends with its sender's link.
                playing = Some(spawn_local(keep_playing(sender.clone(), house.clone())));
            }
            Event::Message(message) => {
                let topic = String::from_utf8_lossy(&message.topic).into_owned();
                if let Some(room) = topic.strip_suffix("/set") {
                    house.switch(room, &message.payload);
                    spawn_local(answer(sender.clone(), format!("{room}/state"), message.payload));
                }
                if let Some(receipt) = message.receipt {
                    sender.acknowledge(receipt);
                }
            }
            _ => {}
        }
    }
    if let Some(playing) = playing {
        playing.abort();
    }
    Some(())
}

async fn answer(sender: Sender, topic: String, payload: Bytes) {
    sleep(LAMP).await;
    publish(&sender, &topic, payload);
}

async fn keep_playing(sender: Sender, mut house: House) {
    let start = Instant::now();
    let mut step = interval(STEP);
    loop {
        step.tick().await;
        for (topic, payload) in house.step(start.elapsed(), STEP) {
            publish(&sender, &topic, payload.into());
        }
    }
}

fn publish(sender: &Sender, topic: &str, payload: Bytes) {
    sender.publish(Publish { topic, payload, qos: 0, retain: true, origin: None });
}

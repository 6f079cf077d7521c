//! Configs that try to steer the host: they are data.

use super::{Attack, Case, Place, archive, file, owned, unpacked_layers};
use portolan_tests::image::{Builder, Layer};
use serde_json::{Value, json};

fn configured(run: impl FnOnce(&Place) -> Value, place: &Place) -> Attack {
    let layer = Layer::plain(archive().file("f", "x").build());
    let image = Builder::new("linux/amd64").layer(layer.clone()).run(run(place));
    unpacked_layers(vec![layer], owned([("f", file("x"))])).image(image)
}

pub const CASES: &[Case] = &[
    Case {
        row: 51,
        name: "volumes and a working directory that climb",
        make: |place| {
            configured(
                |place| {
                    json!({
                        "Volumes": { "../../../outside": {}, place.outside.as_str(): {}, "/../etc": {} },
                        "WorkingDir": "../../../outside/made",
                        "Entrypoint": ["../../../outside/run"],
                        "User": "0:0",
                    })
                },
                place,
            )
        },
    },
    Case {
        row: 51,
        name: "labels that steer other tools",
        make: |place| {
            configured(
                |place| {
                    json!({ "Labels": {
                        "io.containers.autoupdate": "registry",
                        "run": format!("sh -c 'echo > {}/made'", place.outside),
                        "org.opencontainers.image.ref.name": "../../outside",
                    } })
                },
                place,
            )
        },
    },
    Case {
        row: 52,
        name: "terminal escapes in names, labels and history",
        make: |_| {
            let name = "\u{1b}[31mred\u{7}\u{202e}gnp";
            let layer = Layer::plain(archive().file(name, "x").build()).created_by("\u{1b}]0;title\u{7}\r\nfake: ok");
            let run = json!({ "Labels": { "\u{1b}[2J": "\u{1b}[H\u{9b}1m" }, "Env": ["PATH=\u{1b}[8m"], "User": "\u{1b}[5m" });
            let image = Builder::new("linux/amd64").layer(layer.clone()).run(run).author("\u{1b}[1mbold");
            unpacked_layers(vec![layer], owned([(name, file("x"))])).image(image)
        },
    },
];

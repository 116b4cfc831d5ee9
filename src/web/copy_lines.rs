//! Complete command lines and URLs to copy, for each way to pass a token to the streaming server
//! (Red5: client authentication). They contain no placeholders, so there are none without a stream
//! name, or if the token does not determine the room.

use super::qr;
use super::token::{Red5Server, allows, app, proxy_endpoint};
use super::views::{CopyLine, Lines};
use crate::config::addresses::ServerUrl;
use crate::config::red5::ServerKind;
use crate::domain::grant::Scope;
use crate::domain::names::{Role, RoomName, Transport};

/// ffmpeg's options for a generated picture and sound.
const TEST_PICTURE: &str = "-re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 \
                            -c:v libx264 -preset veryfast -bf 0 -g 60 -pix_fmt yuv420p";

const WHIP_ADDRESS: &str = "WHIP address (OBS: service WHIP, server; no bearer token)";

const WHEP_ADDRESS: &str = "WHEP address";

/// The lines for a token. Room and stream names have characters that need neither encoding in a URL
/// nor quotes in a shell, and so have node groups.
pub fn of(token: &str, scope: &Scope, server: &Red5Server, stream: Option<&RoomName>) -> Lines {
    use Role::{Publisher, Subscriber};
    use Transport::{Rtmp, Rtsp, Whep, Whip};
    let Some(url) = &server.url else {
        return Lines::NoServer;
    };
    // A token for any room also allows streams without a room.
    let app = app(url, scope);
    if app == url.app && !scope.rooms.is_any() {
        return Lines::NeedRoom;
    }
    let Some(stream) = stream else {
        return Lines::NeedStream;
    };
    let ServerUrl {
        protocol,
        host,
        port,
        ..
    } = url;
    let (in_query, in_code) = server.node_group().map_or_else(Default::default, |group| {
        (
            format!("&nodeGroup={group}"),
            format!(", nodeGroup: \"{group}\""),
        )
    });
    let query = format!("username=jwt&password=jwt&token={token}{in_query}");
    let is_proxied = server.kind == ServerKind::StreamManager;
    let address = |kind| {
        if is_proxied {
            format!("{}/{stream}", proxy_endpoint(url, kind, &app))
        } else {
            format!("{}/{app}/{kind}/endpoint/{stream}", url.origin())
        }
    };
    let endpoint = |kind| format!("{}?{query}", address(kind));
    let rtmp = format!("rtmp://{host}/{app}/{stream}?{query}");
    let sdk = |client, kind, start| {
        let endpoint = if is_proxied {
            format!("  endpoint: \"{}\",\n", address(kind))
        } else {
            String::new()
        };
        format!(
            "const client = new {client}()\nawait client.init({{\n{endpoint}  protocol: \"{protocol}\",\n  \
             host: \"{host}\",\n  port: {port},\n  app: \"{app}\",\n  streamName: \"{stream}\",\n  \
             connectionParams: {{ username: \"jwt\", password: \"jwt\", token: \"{token}\"{in_code} }}\n}})\n\
             await client.{start}()"
        )
    };
    let allows = |role, transport| allows(scope, role, transport);
    let mut lines = Vec::new();
    let mut add = |label, text| {
        lines.push(CopyLine {
            label,
            text,
            qr: None,
        });
    };
    if allows(Publisher, Whip) {
        let ffmpeg = "-profile:v baseline -c:a libopus -ar 48000 -ac 2 -f whip";
        let ffmpeg = format!("ffmpeg {TEST_PICTURE} {ffmpeg} '{}'", endpoint("whip"));
        add(WHIP_ADDRESS, endpoint("whip"));
        let code = sdk("WHIPClient", "whip", "publish");
        add("Red5 HTML5 SDK, publishing", code);
        add("ffmpeg 8, a test picture over WHIP", ffmpeg);
    }
    // The proxy of a Stream Manager carries no RTMP: clients have to ask it for a node first.
    if allows(Publisher, Rtmp) && !is_proxied {
        let ffmpeg = format!("ffmpeg {TEST_PICTURE} -c:a aac -f flv '{rtmp}'");
        let server = format!("rtmp://{host}/{app}");
        add("RTMP server (OBS: custom service)", server);
        add("RTMP stream key", format!("{stream}?{query}"));
        add("ffmpeg, a test picture over RTMP", ffmpeg);
    }
    if allows(Subscriber, Whep) {
        add(WHEP_ADDRESS, endpoint("whep"));
        let code = sdk("WHEPClient", "whep", "subscribe");
        add("Red5 HTML5 SDK, watching", code);
    }
    if allows(Subscriber, Rtmp) && !is_proxied {
        add("ffplay, watching over RTMP", format!("ffplay '{rtmp}'"));
    }
    if Role::ALL.into_iter().any(|role| allows(role, Rtsp)) {
        let label = "RTSP, connection parameters of the mobile SDKs";
        add(label, format!("username=jwt;password=jwt;token={token};"));
    }
    // An app on a telephone takes an address.
    for line in &mut lines {
        line.qr = match line.label {
            WHIP_ADDRESS => qr::image("WHIP address", &line.text),
            WHEP_ADDRESS => qr::image(WHEP_ADDRESS, &line.text),
            _ => None,
        };
    }
    if lines.is_empty() {
        Lines::NeedNode
    } else {
        Lines::Ready(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::set::{AnyOr, NonEmpty};

    const TOKEN: &str = "aaa.bbb-_c.ddd";

    fn scope(roles: &[Role], transports: &[Transport], rooms: Option<&[&str]>) -> Scope {
        let room = |name: &&str| RoomName::parse(name).unwrap();
        Scope {
            roles: NonEmpty::new(roles.iter().copied()).unwrap(),
            transports: NonEmpty::new(transports.iter().copied()).map_or(AnyOr::Any, AnyOr::Only),
            rooms: rooms.map_or(AnyOr::Any, |rooms| {
                AnyOr::Only(NonEmpty::new(rooms.iter().map(room)).unwrap())
            }),
        }
    }

    fn server(port: u16) -> Red5Server {
        Red5Server {
            url: Some(ServerUrl {
                protocol: "https".to_owned(),
                host: "media.example.com".to_owned(),
                port,
                app: "live".to_owned(),
            }),
            kind: ServerKind::Standalone,
            node_group: Some("ignored".to_owned()),
        }
    }

    fn manager(node_group: Option<&str>) -> Red5Server {
        Red5Server {
            kind: ServerKind::StreamManager,
            node_group: node_group.map(str::to_owned),
            ..server(443)
        }
    }

    fn ready(scope: &Scope, server: &Red5Server) -> Vec<CopyLine> {
        let stream = RoomName::parse("show.1").unwrap();
        match of(TOKEN, scope, server, Some(&stream)) {
            Lines::Ready(lines) => lines,
            other => panic!("{other:?}"),
        }
    }

    fn made(scope: &Scope, port: u16) -> Vec<String> {
        let lines = ready(scope, &server(port));
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn at_a_stream_manager_the_lines_go_through_its_proxy_and_name_the_node_group() {
        let both = [Role::Publisher, Role::Subscriber];
        let studio = scope(&both, &[], Some(&["studio-1"]));
        let lines = ready(&studio, &manager(Some("eu-1")));
        let query = format!("username=jwt&password=jwt&token={TOKEN}&nodeGroup=eu-1");
        let publish = "https://media.example.com/as/v1/proxy/whip/live/studio-1/show.1";
        let watch = "https://media.example.com/as/v1/proxy/whep/live/studio-1/show.1";
        let text = |label: &str| {
            let line = lines.iter().find(|line| line.label.starts_with(label));
            line.map(|line| line.text.clone()).unwrap()
        };
        assert_eq!(text("WHIP address"), format!("{publish}?{query}"));
        assert_eq!(text("WHEP address"), format!("{watch}?{query}"));
        assert!(text("ffmpeg 8").ends_with(&format!("'{publish}?{query}'")));
        let code = text("Red5 HTML5 SDK, publishing");
        assert!(
            code.contains(&format!("  endpoint: \"{publish}\",\n")),
            "{code}"
        );
        assert!(code.contains(", nodeGroup: \"eu-1\" }"), "{code}");
        assert!(!lines.iter().any(|line| line.text.contains("rtmp:")));
        let without = ready(&studio, &manager(None));
        assert!(!without.iter().any(|line| line.text.contains("nodeGroup")));
        let any_room = ready(&scope(&both, &[Transport::Whep], None), &manager(None));
        assert!(
            any_room[0]
                .text
                .starts_with("https://media.example.com/as/v1/proxy/whep/live/show.1?")
        );
        // What its proxy does not carry has no line.
        let rtmp = scope(&both, &[Transport::Rtmp], Some(&["studio-1"]));
        let stream = RoomName::parse("show").unwrap();
        assert_eq!(
            of(TOKEN, &rtmp, &manager(None), Some(&stream)),
            Lines::NeedNode
        );
    }

    #[test]
    fn the_addresses_of_whip_and_whep_have_a_qr_code_and_no_other_line_has() {
        let both = [Role::Publisher, Role::Subscriber];
        let lines = ready(&scope(&both, &[], Some(&["a"])), &server(443));
        for line in &lines {
            assert_eq!(
                line.qr.is_some(),
                line.label.contains("address"),
                "{}",
                line.label
            );
        }
        assert_eq!(lines.iter().filter(|line| line.qr.is_some()).count(), 2);
    }

    #[test]
    fn each_line_is_as_red5_documents_it() {
        let query = format!("username=jwt&password=jwt&token={TOKEN}");
        let publish = scope(&[Role::Publisher], &[Transport::Whip], Some(&["studio-1"]));
        let lines = made(&publish, 443);
        let whip = format!("https://media.example.com/live/studio-1/whip/endpoint/show.1?{query}");
        assert_eq!(lines[0], whip);
        assert!(lines[1].contains("app: \"live/studio-1\",\n  streamName: \"show.1\""));
        assert!(lines[1].ends_with("})\nawait client.publish()"));
        assert!(lines[2].ends_with(&format!("-f whip '{whip}'")));
        let both = [Role::Publisher, Role::Subscriber];
        let rtmp = made(&scope(&both, &[Transport::Rtmp], Some(&["studio-1"])), 443);
        assert_eq!(rtmp[0], "rtmp://media.example.com/live/studio-1");
        assert_eq!(rtmp[1], format!("show.1?{query}"));
        let whole = format!("'rtmp://media.example.com/live/studio-1/show.1?{query}'");
        assert!(rtmp[2].ends_with(&whole) && rtmp[3] == format!("ffplay {whole}"));
        let watch = scope(
            &[Role::Subscriber],
            &[Transport::Whep, Transport::Rtsp],
            None,
        );
        let lines = made(&watch, 8443);
        assert_eq!(
            lines[0],
            format!("https://media.example.com:8443/live/whep/endpoint/show.1?{query}")
        );
        assert_eq!(
            lines[2],
            format!("username=jwt;password=jwt;token={TOKEN};")
        );
    }

    #[test]
    fn there_are_lines_for_what_the_token_allows_and_for_nothing_else() {
        let watch = made(&scope(&[Role::Subscriber], &[], Some(&["a"])), 443).join("\n");
        assert!(watch.contains("whep") && watch.contains("ffplay"));
        assert!(
            !watch.contains("whip") && !watch.contains("WHIPClient") && !watch.contains("ffmpeg")
        );
        let publish = made(&scope(&[Role::Publisher], &[], Some(&["a"])), 443).join("\n");
        assert!(!publish.contains("whep") && !publish.contains("ffplay"));
    }

    #[test]
    fn a_line_that_would_have_to_be_completed_is_not_made() {
        let stream = RoomName::parse("show").unwrap();
        let two = scope(&[Role::Publisher], &[], Some(&["a", "b"]));
        let one = scope(&[Role::Publisher], &[], Some(&["a"]));
        let server = server(443);
        assert_eq!(of(TOKEN, &two, &server, Some(&stream)), Lines::NeedRoom);
        assert_eq!(of(TOKEN, &one, &server, None), Lines::NeedStream);
        let nowhere = Red5Server {
            url: None,
            ..server
        };
        assert_eq!(of(TOKEN, &one, &nowhere, Some(&stream)), Lines::NoServer);
    }
}

//! The steps: requests, events, and what their author expects.

use core::ops::Range;

use toml::Spanned;

use super::Reader;
use super::tables::{ExpectTable, StepTable, Text};
use super::world::PROXY_ASKS_EARLY;
use crate::scenario::fixup::fixup_fetch;
use crate::scenario::text::TextError;
use crate::scenario::{
    Action, Body, Credentials, Exchange, Expect, ExpectedClient, ExpectedOutcome, Kind, Limits,
    Mode, Name, Scenario, Setting, Step, WorldEvent, is_address,
};

const RELOAD_ASKS_EARLY: &str = "who asks late keeps no sessions: \"reload\" takes \"none\", \"request\" or \"require\", and \"change-mode\" takes all";

impl Reader<'_> {
    pub(super) fn step(
        &self,
        scenario: &Scenario,
        table: Spanned<StepTable>,
    ) -> Result<Step, TextError> {
        let at = table.span();
        let mut table = table.into_inner();
        let expect = table
            .expect
            .take()
            .map(|expect| self.expect(scenario, expect, &at))
            .transpose()?;
        let overlap = table.overlap;
        let action = match table.event.take() {
            Some(event) => self.event(scenario, &event, &table)?,
            None => {
                let exchange = self.exchange(scenario, table, &at)?;
                self.fetch_would_take(&exchange, &at)?;
                Action::Exchange(Box::new(exchange))
            }
        };
        Ok(Step {
            action,
            overlap,
            expect: expect.map(Box::new),
        })
    }

    pub(super) fn exchange(
        &self,
        scenario: &Scenario,
        table: StepTable,
        at: &Range<usize>,
    ) -> Result<Exchange, TextError> {
        let kinds = [
            (Kind::Fetch, table.fetch),
            (Kind::Navigate, table.navigate),
            (Kind::Image, table.image),
            (Kind::Websocket, table.websocket),
            (Kind::Preconnect, table.preconnect),
        ];
        let mut given = kinds
            .into_iter()
            .filter_map(|(kind, url)| Some((kind, url?)));
        let (Some((kind, url)), None) = (given.next(), given.next()) else {
            return Err(self.error(
                Some(at.clone()),
                "a step is one of `fetch`, `navigate`, `image`, `websocket`, `preconnect` (with a URL) and `event`",
            ));
        };
        for (key, given) in [
            ("seconds", table.seconds.is_some()),
            ("server", table.server.is_some()),
            ("client-certificate", table.client_certificate.is_some()),
            ("tickets", table.tickets.is_some()),
            ("accepts", table.accepts.is_some()),
            ("tls", table.tls.is_some()),
        ] {
            if given {
                return Err(self.error(
                    Some(at.clone()),
                    format!("`{key}` belongs to an `event`, not to a request"),
                ));
            }
        }
        let default = Exchange::default();
        if kind == Kind::Navigate || kind == Kind::Websocket {
            if table.credentials.is_some() {
                return Err(self.error(
                    Some(at.clone()),
                    "a navigation and a WebSocket always include credentials",
                ));
            }
        } else if kind != Kind::Fetch && table.credentials == Some(Credentials::Omit) {
            return Err(self.error(
                Some(at.clone()),
                "an element includes credentials, or with crossorigin=anonymous has \"same-origin\"",
            ));
        }
        if kind != Kind::Fetch
            && (table.method.is_some()
                || table.headers.is_some()
                || table.mode.is_some()
                || table.body.is_some()
                || table.upload_listener.is_some())
        {
            return Err(self.error(
                Some(at.clone()),
                "`method`, `headers`, `mode`, `body` and `upload-listener` belong to a `fetch`",
            ));
        }
        if let (Kind::Navigate, Some(top)) = (kind, &table.top) {
            return Err(self.error(
                Some(top.span()),
                "no page is above a navigation, which has the `top` of where it goes",
            ));
        }
        let from = table
            .from
            .map_or(Ok(default.from), |from| self.origin(&from))?;
        let identity = table
            .identity
            .map(|name| self.identity_index(scenario, &name))
            .transpose()?;
        let declines = table.declines.as_ref();
        if let (Some(declines), Some(_)) = (declines.filter(|it| *it.get_ref()), identity) {
            return Err(self.error(
                Some(declines.span()),
                "where the step names an `identity`, nobody asks the user, who then `declines` nothing",
            ));
        }
        let scheme = if kind == Kind::Websocket {
            "wss"
        } else {
            "https"
        };
        let target = self.target(scenario, url.get_ref(), url.span(), scheme)?;
        let server_name = table
            .server_name
            .map(|name| self.server_name(&name))
            .transpose()?;
        let via = table
            .via
            .map(|name| self.proxy_index(scenario, &name, &target.host))
            .transpose()?;
        Ok(Exchange {
            kind,
            method: table
                .method
                .map_or(Ok(default.method), |method| self.method(&method))?,
            headers: table
                .headers
                .map_or(Ok(Vec::new()), |headers| self.headers(headers))?,
            mode: table.mode.unwrap_or(Mode::Cors),
            credentials: table.credentials.unwrap_or(match kind {
                Kind::Fetch => Credentials::SameOrigin,
                _ => Credentials::Include,
            }),
            body: table.body.unwrap_or(Body::None),
            upload_listener: table.upload_listener.unwrap_or(false),
            top: match table.top {
                Some(top) => self.origin(&top)?,
                None if kind == Kind::Navigate => target.to_origin().into(),
                None => from.clone(),
            },
            from,
            identity,
            declines: declines.is_some_and(|it| *it.get_ref()),
            trust: table.trust.unwrap_or_default(),
            server_name: server_name.filter(|name| *name != target.host),
            via,
            small_records: table.small_records.unwrap_or_default(),
            pipelined: table.pipelined.unwrap_or_default(),
            url: target,
        })
    }

    /// What `fetch()` itself refuses with a TypeError is not a scenario.
    pub(super) fn fetch_would_take(
        &self,
        exchange: &Exchange,
        at: &Range<usize>,
    ) -> Result<(), TextError> {
        let mut taken = exchange.clone();
        fixup_fetch(&mut taken);
        if taken == *exchange {
            return Ok(());
        }
        let reason = if exchange.mode == Mode::NoCors {
            "with mode \"no-cors\" only safelisted methods and headers are allowed, and neither an upload listener nor a stream body"
        } else {
            "GET and HEAD have no body"
        };
        Err(self.error(Some(at.clone()), reason))
    }

    pub(super) fn event(
        &self,
        scenario: &Scenario,
        event: &Text,
        table: &StepTable,
    ) -> Result<Action, TextError> {
        let needs = |key: &str| {
            self.error(
                Some(event.span()),
                format!("the event `{}` needs `{key}`", event.get_ref()),
            )
        };
        let server = || match &table.server {
            Some(name) => self.server_index(scenario, name),
            None => Err(needs("server")),
        };
        let event = match event.get_ref().as_str() {
            "time" => WorldEvent::Time {
                seconds: self.seconds(
                    table.seconds.as_ref().ok_or_else(|| needs("seconds"))?,
                    Limits::SECONDS,
                )?,
            },
            "close" => WorldEvent::Close { server: server()? },
            "restart" => WorldEvent::Restart { server: server()? },
            "rotate-ticket-keys" => WorldEvent::RotateTicketKeys { server: server()? },
            "change-mode" => {
                let server = server()?;
                let rule = table.client_certificate;
                let client_certificate = rule.ok_or_else(|| needs("client-certificate"))?;
                if scenario.servers[usize::from(server)].proxy
                    && client_certificate.late().is_some()
                {
                    return Err(self.error(Some(event.span()), PROXY_ASKS_EARLY));
                }
                WorldEvent::ChangeMode {
                    server,
                    client_certificate,
                }
            }
            "reload" => {
                let server = server()?;
                let setting = self.setting(event, table)?;
                WorldEvent::Reload { server, setting }
            }
            "logout" => WorldEvent::Logout,
            "renew" => match &table.identity {
                Some(name) => WorldEvent::Renew {
                    identity: self.identity_index(scenario, name)?,
                },
                None => return Err(needs("identity")),
            },
            "network-change" => WorldEvent::NetworkChange,
            other => {
                return Err(self.error(
                    Some(event.span()),
                    format!(
                        "there is no event `{other}`; there are time, close, restart, rotate-ticket-keys, change-mode, \
                         reload, logout, renew and network-change"
                    ),
                ));
            }
        };
        Ok(Action::Event(event))
    }

    fn server_name(&self, name: &Text) -> Result<Name, TextError> {
        if is_address(name.get_ref()) {
            return Err(self.error(
                Some(name.span()),
                "an address is not told in the handshake; ask for a host by its name",
            ));
        }
        self.host(name)
    }

    fn setting(&self, event: &Text, table: &StepTable) -> Result<Setting, TextError> {
        let tls = table.tls.as_ref().map(|it| self.tls(it)).transpose()?;
        let settings = [
            table.client_certificate.map(Setting::ClientCertificate),
            table.tickets.map(Setting::Tickets),
            table.accepts.map(Setting::Accepts),
            tls.map(Setting::Tls),
        ];
        let mut given = settings.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(Setting::ClientCertificate(rule)), None) if rule.late().is_some() => {
                Err(self.error(Some(event.span()), RELOAD_ASKS_EARLY))
            }
            (Some(setting), None) => Ok(setting),
            _ => Err(self.error(
                Some(event.span()),
                "the event `reload` needs one of `client-certificate`, `tickets`, `accepts` and `tls`",
            )),
        }
    }

    pub(super) fn expect(
        &self,
        scenario: &Scenario,
        table: ExpectTable,
        at: &Range<usize>,
    ) -> Result<Expect, TextError> {
        let outcome = match (table.status, table.error) {
            (Some(_), Some(_)) => {
                return Err(self.error(
                    Some(at.clone()),
                    "a step ends with a `status` or with an `error`, not with both",
                ));
            }
            (Some(status), None) => Some(ExpectedOutcome::Status(status)),
            (None, Some(error)) => Some(ExpectedOutcome::Error(self.name(&error)?)),
            (None, None) => None,
        };
        let client = |name: Option<Text>| match name {
            None => Ok(None),
            Some(name) if name.get_ref() == "none" => Ok(Some(ExpectedClient::None)),
            Some(name) => self
                .identity_index(scenario, &name)
                .map(|index| Some(ExpectedClient::Identity(index))),
        };
        Ok(Expect {
            outcome,
            preflight: table.preflight,
            preflight_client: client(table.preflight_client)?,
            preflight_connection: table.preflight_connection,
            client: client(table.client)?,
            connection: table.connection,
            requests: table.requests,
            prompt: table.prompt,
        })
    }
}

//! A person's browser: goes somewhere, reads, clicks, types; and what must hold wherever it went.
//!
//! Every test ends with [`Browser::close`], which looks at what the console said and at every
//! request of every page; a browser that is dropped without it fails its test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::driver::{Session, is_required, shout};
use crate::support::PATIENCE;

/// Holds the path of axe-core's script; without it no accessibility is checked.
const AXE: &str = "DESCRIPT_NOTIFY_AXE";

/// Between two looks at a page.
const GLANCE: Duration = Duration::from_millis(40);

/// The name of an element in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that have no character.
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";

/// How a reader looks at a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub name: &'static str,
    scheme: &'static str,
    width: u32,
    height: u32,
    is_phone: bool,
}

/// Both colour schemes, on a desk and on a phone.
pub const LOOKS: [Look; 4] = [
    Look { name: "desk-light", scheme: "light", width: 1280, height: 900, is_phone: false },
    Look { name: "desk-dark", scheme: "dark", width: 1280, height: 900, is_phone: false },
    Look { name: "phone-light", scheme: "light", width: 390, height: 844, is_phone: true },
    Look { name: "phone-dark", scheme: "dark", width: 390, height: 844, is_phone: true },
];

/// A phone in daylight.
pub const PHONE: Look = LOOKS[2];

/// The narrowest window that all must be readable in, which is also a desk's at 400 %.
pub const NARROW: Look = Look { name: "narrow", width: 320, ..PHONE };

/// A browser at one place; everything it asks for must be below that.
#[derive(Debug)]
pub struct Browser {
    session: Session,
    home: String,
    /// What the console may say.
    expected: Vec<&'static str>,
    is_closed: bool,
}

impl Browser {
    /// A browser for what is at `home` ("http://127.0.0.1:1234", with a base path if there is
    /// one), or `None` where this machine has none.
    pub async fn open(home: &str) -> Option<Self> {
        Self::with(home, json!({})).await
    }

    /// One that runs no scripts of pages.
    pub async fn without_scripts(home: &str) -> Option<Self> {
        Self::with(home, json!({"profile.managed_default_content_settings.javascript": 2})).await
    }

    async fn with(home: &str, preferences: Value) -> Option<Self> {
        let session = Session::start(preferences).await?;
        let home = home.to_owned();
        let browser = Self { session, home, expected: Vec::new(), is_closed: false };
        browser.look(LOOKS[0]).await;
        Some(browser)
    }

    /// The console may say this once the test asks for it.
    pub fn expect(&mut self, said: &'static str) {
        self.expected.push(said);
    }

    /// Goes to a path below home.
    pub async fn go(&self, path: &str) {
        self.stray(&format!("{}{path}", self.home)).await;
    }

    /// Goes anywhere.
    pub async fn stray(&self, url: &str) {
        self.session.command("/url", &json!({"url": url})).await.unwrap();
    }

    /// To the page before, as the button does.
    pub async fn back(&self) {
        self.session.command("/back", &json!({})).await.unwrap();
    }

    /// Opens a tab before the others.
    pub async fn new_tab(&self) {
        let tab = self.session.command("/window/new", &json!({"type": "tab"})).await.unwrap();
        self.session.command("/window", &json!({"handle": tab["handle"]})).await.unwrap();
    }

    /// Changes the window and the colour scheme.
    pub async fn look(&self, look: Look) {
        let feature = json!({"name": "prefers-color-scheme", "value": look.scheme});
        let still = json!({"name": "prefers-reduced-motion", "value": "reduce"});
        self.cdp("Emulation.setEmulatedMedia", json!({"features": [feature, still]})).await;
        let metrics = json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1,
            "mobile": look.is_phone});
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// A command of the browser's own protocol.
    pub async fn cdp(&self, name: &str, parameters: Value) -> Value {
        self.session.cdp(name, parameters).await
    }

    /// Runs the body of a function in the page.
    pub async fn script(&self, body: &str, arguments: Value) -> Value {
        self.try_script(body, arguments).await.unwrap_or_else(|cause| panic!("{cause}\n{body}"))
    }

    /// The same, when the function hands its result to its last argument.
    pub async fn script_later(&self, body: &str, arguments: Value) -> Value {
        let body = json!({"script": body, "args": arguments});
        self.session.command("/execute/async", &body).await.unwrap()
    }

    /// The value of an expression.
    pub async fn value(&self, expression: &str) -> Value {
        self.script(&format!("return {expression}"), json!([])).await
    }

    async fn try_script(&self, body: &str, arguments: Value) -> Result<Value, String> {
        let body = json!({"script": body, "args": arguments});
        self.session.command("/execute/sync", &body).await
    }

    /// Waits until an expression is true.
    ///
    /// # Panics
    /// When that takes too long; the message shows the page's text.
    pub async fn until(&self, expression: &str) {
        let body = format!("return Boolean({expression})");
        let waited = tokio::time::timeout(PATIENCE, async {
            // Between two pages there is none that could be asked.
            while self.try_script(&body, json!([])).await != Ok(json!(true)) {
                tokio::time::sleep(GLANCE).await;
            }
        });
        if waited.await.is_err() {
            panic!("never true: {expression}\nthe page:\n{}", self.text("body").await);
        }
    }

    /// Waits until a piece of the page shows this text.
    pub async fn until_shown(&self, css: &str, text: &str) {
        let (css, text) = (json!(css), json!(text));
        self.until(&format!("document.querySelector({css})?.innerText.includes({text})")).await;
    }

    /// What a reader sees of a piece of the page.
    pub async fn text(&self, css: &str) -> String {
        let body = "return document.querySelector(arguments[0])?.innerText ?? ''";
        self.script(body, json!([css])).await.as_str().unwrap_or_default().to_owned()
    }

    /// How many such elements there are.
    pub async fn count(&self, css: &str) -> u64 {
        let body = "return document.querySelectorAll(arguments[0]).length";
        self.script(body, json!([css])).await.as_u64().unwrap()
    }

    /// Clicks where a person would; something in front of it makes that fail.
    pub async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.session.command(&format!("/element/{element}/click"), &json!({})).await.unwrap();
    }

    /// Clicks twice, as fast as a finger can.
    pub async fn click_twice(&self, css: &str) {
        let element = self.element(css).await;
        let there = json!({"type": "pointerMove", "x": 0, "y": 0, "origin": {ELEMENT: element}});
        let press = |kind: &str| json!({"type": kind, "button": 0});
        let (down, up) = (press("pointerDown"), press("pointerUp"));
        let hand =
            json!({"type": "pointer", "id": "mouse", "actions": [there, down, up, down, up]});
        self.session.command("/actions", &json!({"actions": [hand]})).await.unwrap();
    }

    pub async fn type_into(&self, css: &str, text: &str) {
        let element = self.element(css).await;
        let body = json!({"text": text});
        self.session.command(&format!("/element/{element}/value"), &body).await.unwrap();
    }

    /// Presses a key and lets it go.
    pub async fn press(&self, key: &str) {
        let down = json!({"type": "keyDown", "value": key});
        let up = json!({"type": "keyUp", "value": key});
        let keys = json!({"type": "key", "id": "keyboard", "actions": [down, up]});
        self.session.command("/actions", &json!({"actions": [keys]})).await.unwrap();
    }

    /// Waits for an element; its name in the protocol.
    async fn element(&self, css: &str) -> String {
        self.until(&format!("document.querySelector({})", json!(css))).await;
        let body = json!({"using": "css selector", "value": css});
        let found = self.session.command("/element", &body).await.unwrap();
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// The path of the page, without home.
    pub async fn path(&self) -> String {
        let url = self.session.get("/url").await.unwrap();
        let url = url.as_str().unwrap();
        url.strip_prefix(&self.home).unwrap_or_else(|| panic!("left home: {url}")).to_owned()
    }

    /// A picture of the whole page, in `target/screenshots`.
    pub async fn picture(&self, name: &str) {
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let taken = self.cdp("Page.captureScreenshot", whole).await;
        let engine = base64::engine::general_purpose::STANDARD;
        let png = engine.decode(taken["data"].as_str().unwrap()).unwrap();
        let folder = pictures();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// The page as it is open now fits, is accessible and is drawn, in every look.
    pub async fn in_every_look(&self, name: &str) {
        self.look(NARROW).await;
        self.fits().await;
        for look in LOOKS {
            self.look(look).await;
            let name = format!("{name}-{}", look.name);
            self.fits().await;
            self.picture(&name).await;
            self.is_accessible(&name).await;
        }
    }

    /// The page can be read without moving it sideways.
    pub async fn fits(&self) {
        let wide = "const page = document.documentElement, own = page.clientWidth; \
            return [page.scrollWidth, own, [...document.querySelectorAll('body *')]\
            .filter(it => !it.closest('pre, .hidden') && (it.scrollWidth > it.clientWidth + 1 || \
              it.getBoundingClientRect().right > own + 1))\
            .map(it => it.outerHTML.slice(0, 200))]";
        let told = self.script(wide, json!([])).await;
        assert!(told[0].as_f64() <= told[1].as_f64(), "wider than its window: {told:#}");
    }

    /// What axe-core finds wrong with the page, or `None` where there is no axe-core.
    pub async fn barriers(&self) -> Option<Value> {
        let Some(path) = std::env::var_os(AXE) else {
            assert!(!is_required(), "there is no axe-core: {AXE} is not set");
            shout(&format!("SKIPPED: the accessibility check ({AXE} is not set)"));
            return None;
        };
        let axe = std::fs::read_to_string(Path::new(&path)).unwrap();
        self.script(&format!("{axe}\nwindow.axe = axe"), json!([])).await;
        let run = "const done = arguments[0]; \
            axe.run(document, {preload: false, resultTypes: ['violations']}).then(told => done({\
              passes: told.passes.length, \
              violations: told.violations.map(it => [it.id, it.impact, it.help, \
                it.nodes.map(node => node.html + ' — ' + node.failureSummary)])}))";
        let told = self.script_later(run, json!([])).await;
        assert!(told["passes"].as_u64() > Some(5), "axe-core looked at nothing: {told}");
        Some(told["violations"].clone())
    }

    /// Nobody is kept out of the page.
    pub async fn is_accessible(&self, name: &str) {
        let barriers = self.barriers().await.unwrap_or(json!([]));
        assert_eq!(barriers, json!([]), "{name}: {barriers:#}");
    }

    /// What the console complains about, and what pages asked for from elsewhere.
    pub async fn faults(&self) -> Vec<String> {
        let said = self.log("browser").await;
        let said = said.iter().filter(|entry| entry["level"] == "SEVERE");
        let said = said.filter_map(|entry| entry["message"].as_str());
        let unexpected = |text: &&str| !self.expected.iter().any(|known| text.contains(known));
        let complaints = said.filter(unexpected).map(|text| format!("the console: {text}"));
        let mut faults: Vec<String> = complaints.collect();
        let requests = self.requests().await;
        let below = format!("{}/", self.home);
        assert!(requests.iter().any(|url| url.starts_with(&below)), "nobody watched the pages");
        // The browser's own first page is inside it.
        let inside = |url: &str| url.starts_with("chrome://") || url.starts_with("data:");
        let strange = requests.iter().filter(|url| !url.starts_with(&below) && !inside(url));
        faults.extend(strange.map(|url| format!("asked for from elsewhere: {url}")));
        faults
    }

    /// Ends the browser; nothing was wrong with any page that it showed.
    pub async fn close(mut self) {
        self.is_closed = true;
        let faults = self.faults().await;
        assert!(faults.is_empty(), "{faults:#?}");
    }

    /// Ends it when the test has found what it looked for itself.
    pub fn leave(mut self) {
        self.is_closed = true;
    }

    /// What every page so far has asked for.
    async fn requests(&self) -> Vec<String> {
        let messages = self.log("performance").await;
        let documents = messages.iter().filter_map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let (method, told) = (&message["message"]["method"], &message["message"]["params"]);
            match method.as_str()? {
                "Network.requestWillBeSent" => told["request"]["url"].as_str().map(str::to_owned),
                "Network.webSocketCreated" => told["url"].as_str().map(str::to_owned),
                _ => None,
            }
        });
        documents.collect()
    }

    async fn log(&self, name: &str) -> Vec<Value> {
        let log = self.session.command("/se/log", &json!({"type": name})).await.unwrap();
        log.as_array().unwrap().clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.is_closed, "a test ends with `close`, or nobody looks at its pages");
        }
    }
}

fn pictures() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("screenshots")
}

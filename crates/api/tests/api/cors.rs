//! Pages of other origins: those that are listed may call Frontegg's API, and nothing else.

use http::Method;
use postrider_api::ApiOptions;

use crate::app::App;

const ORIGIN: &str = "https://app.example.com";

#[tokio::test]
async fn pages_of_listed_origins_may_call_fronteggs_api_alone() {
    let app = App::with_options(ApiOptions { cors_origins: vec![ORIGIN.to_owned()], ..ApiOptions::default() }).await;
    let own = app.environment("own").await;
    let allowed = |path: &'static str, origin: &'static str| {
        let asked = "authorization,frontegg-tenant-id,x-frontegg-sdk";
        let before = app
            .call(Method::OPTIONS, path)
            .header("origin", origin)
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", asked);
        let call = app.get(path).token(&own.token).header("frontegg-tenant-id", "acme").header("origin", origin);
        async move {
            let (before, answer) = (before.send().await, call.send().await);
            let told = answer.header("access-control-allow-origin").map(str::to_owned);
            assert_eq!(before.header("access-control-allow-origin"), told.as_deref(), "{path} from {origin}");
            assert_eq!(before.status == 204, told.is_some(), "{path} from {origin}");
            if told.is_some() {
                assert_eq!(before.header("access-control-allow-headers"), Some(asked));
                assert_eq!(before.header("access-control-allow-methods"), Some("GET, POST, PATCH, DELETE"));
                assert_eq!(answer.header("vary"), Some("origin"));
                assert!(told.as_deref() == Some(origin) && answer.status == 200);
            }
            told.is_some()
        }
    };
    for path in ["/webhook", "/frontegg/webhook/", "/event/resources/configurations/v1"] {
        assert!(allowed(path, ORIGIN).await, "{path}");
        for other in
            ["https://app.example.com.evil.example", "http://app.example.com", "https://app.example.com:8443", "null"]
        {
            assert!(!allowed(path, other).await, "{path} from {other}");
        }
    }
    for path in ["/api/v1/webhooks", "/healthz", "/"] {
        assert!(!allowed(path, ORIGIN).await, "{path}");
    }
    // An error can be read by the page as well; a call of no page is answered as ever.
    let refused = app.get("/webhook").header("origin", ORIGIN).send().await;
    assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (401, Some(ORIGIN)));
    assert_eq!(app.get("/webhook").send().await.header("vary"), None);
}

#[tokio::test]
async fn without_a_list_no_page_of_another_origin_may_call() {
    let app = App::start().await;
    let answer = app.get("/webhook").header("origin", ORIGIN).send().await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

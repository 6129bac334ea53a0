//! `/api/v1/retention`: each environment's own, or the server's.

use http::Method;
use serde_json::{Value, json};

use crate::app::{App, Environment};
use crate::browser::portal;

async fn shown(app: &App, environment: &Environment) -> Value {
    app.get("/api/v1/retention").token(&environment.token).expect(200).await
}

#[tokio::test]
async fn a_retention_is_the_environments_own_or_the_servers() {
    let app = App::start().await;
    let (own, other) = (app.environment("own").await, app.environment("other").await);
    let unset = json!({ "days": null, "defaultDays": 30, "effectiveDays": 30 });
    assert_eq!(shown(&app, &own).await, unset);
    let put = |days: Value| app.put("/api/v1/retention").token(&own.token).json(&json!({ "days": days }));
    for days in [1, 7, 3_650] {
        let set = put(json!(days)).expect(200).await;
        assert_eq!(set, json!({ "days": days, "defaultDays": 30, "effectiveDays": days }));
        assert_eq!(shown(&app, &own).await, set);
    }
    assert_eq!(shown(&app, &other).await, unset, "it is of another environment");
    assert_eq!(put(Value::Null).expect(200).await, unset);
    assert_eq!(shown(&app, &own).await, unset);
}

#[tokio::test]
async fn what_is_no_retention_is_refused_and_changes_nothing() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let put = |body: &Value| app.put("/api/v1/retention").token(&own.token).json(body);
    put(&json!({ "days": 7 })).expect(200).await;
    for days in [json!(0), json!(3_651), json!(65_537)] {
        let problem = put(&json!({ "days": days })).expect(422).await;
        assert_eq!((&problem["code"], &problem["errors"][0]["at"]), (&json!("invalid_value"), &json!("/days")));
        let detail = problem["detail"].as_str().expect("words");
        assert!(detail.contains("1 to 3650") && detail.contains("null"), "{detail}");
    }
    for body in [
        json!({}),
        json!({ "days": "7" }),
        json!({ "days": 1.5 }),
        json!({ "days": -1 }),
        json!({ "days": 8, "hours": 1 }),
        json!([8]),
    ] {
        assert_eq!(put(&body).code(400).await, "invalid_request", "{body}");
    }
    assert_eq!(shown(&app, &own).await["days"], 7);
}

#[tokio::test]
async fn a_retention_is_the_vendors_alone() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let user = app.user(&own, "tenant-1", &["*"]);
    let portal = portal(&app, &own, "tenant-1", &["*"]).await;
    for method in [Method::GET, Method::PUT] {
        let call = |token: &str| app.call(method.clone(), "/api/v1/retention").token(token).json(&json!({ "days": 1 }));
        for token in [&user, &portal.token] {
            assert_eq!(call(token).code(403).await, "forbidden", "{method}");
        }
        assert_eq!(app.call(method.clone(), "/api/v1/retention").send().await.status, 401);
    }
    // An operator on the server's machine acts for the environment that it names.
    let set = app.operate(Method::PUT, "/api/v1/retention").header("postrider-environment", &own.id);
    assert_eq!(set.json(&json!({ "days": 9 })).expect(200).await["effectiveDays"], 9);
    assert_eq!(shown(&app, &own).await["days"], 9);
}

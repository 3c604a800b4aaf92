// Swagger UI, on the document of this site; the token, if one is offered, goes where its "Authorize" would put one.
const place = document.getElementById("swagger");

// Ids in the examples stand for what was made here last; what is not there yet is made first.
const made = {};
const contract = fetch(place.dataset.document).then((answer) => answer.json());
const MAKES = {
  payment: ["/payments", "A-card"],
  held: ["/payments", "A-card,-held-until-it-is-captured"],
  refund: ["/refunds", "A-part"],
  method: ["/payments/methods", "A-card"],
};

async function standsFor(path) {
  const { paths } = await contract;
  const example = (route, name) => paths[route].get?.parameters.find((one) => one.name === name)?.example;
  const method = paths["/payments/methods/{user_id}/{method_id}"].delete.parameters.find((one) => one.name === "method_id");
  return [
    [example("/payments/{payment_id}", "payment_id"), /\/(capture|cancel)$/.test(path) ? "held" : "payment"],
    [example("/refunds/{refund_id}", "refund_id"), "refund"],
    [method.example, "method"],
  ];
}

async function madeOrMake(kind, request) {
  if (!made[kind]) {
    const [path, name] = MAKES[kind];
    const { paths } = await contract;
    const value = paths[path].post.requestBody.content["application/json"].examples[name].value;
    const { origin } = new URL(request.url);
    const asked = await withIds({ url: origin + path, headers: request.headers, body: JSON.stringify(value) });
    const headers = { Authorization: request.headers.Authorization, "Content-Type": "application/json" };
    const answer = await fetch(asked.url, { method: "POST", headers, body: asked.body });
    remember(path, await answer.json());
  }
  return made[kind];
}

async function withIds(request) {
  if (!request.headers?.Authorization) return request;
  for (const [example, kind] of await standsFor(new URL(request.url).pathname)) {
    const inBody = typeof request.body === "string" && request.body.includes(example);
    if (!inBody && !request.url.includes(example)) continue;
    const id = await madeOrMake(kind, request);
    if (!id) continue;
    request.url = request.url.replaceAll(example, id);
    if (inBody) request.body = request.body.replaceAll(example, id);
  }
  return request;
}

function remember(path, answer) {
  const { id, status } = answer.data ?? {};
  if (path === "/payments" && status === "AUTHORIZED") made.held = id;
  if (path === "/payments" && status === "SUCCEEDED") made.payment = id;
  if (path === "/refunds") made.refund = id;
  if (path === "/payments/methods") made.method = id;
  if (/\/(capture|cancel)$/.test(path)) delete made.held;
}

function heard(response) {
  const { pathname } = new URL(response.url);
  if (response.ok && response.obj && !pathname.endsWith(".json")) remember(pathname, response.obj);
  return response;
}
const ui = SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  requestInterceptor: (request) => (request.loadSpec ? request : withIds(request)),
  responseInterceptor: heard,
  presets: [SwaggerUIBundle.presets.apis],
});

const offer = document.getElementById("token");
if (place.dataset.token) {
  const said = offer.querySelector("[role=status]");
  offer.hidden = false;
  offer.querySelector("button").addEventListener("click", async () => {
    const answer = await fetch(place.dataset.token);
    if (answer.ok) {
      const schemes = ui.specSelectors.specJson().getIn(["components", "securitySchemes"]);
      const name = schemes.findKey((scheme) => scheme.get("scheme") === "bearer");
      const { token } = await answer.json();
      ui.authActions.authorizeWithPersistOption({ [name]: { name, schema: schemes.get(name), value: token } });
    }
    said.textContent = answer.ok ? "Authorized, for all scopes but admin." : "There is no token to be had just now.";
  });
}

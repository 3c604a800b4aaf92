// Swagger UI, on the document of this site; the token, if one is offered, goes where its "Authorize" would put one.
const place = document.getElementById("swagger");
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

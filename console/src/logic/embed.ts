//! What a vendor's developers copy to embed the portal.

export function linkSnippet(origin: string): string {
  return `curl ${origin}/api/v1/portal-links \\
  -H "authorization: Bearer $TOKEN" -H "content-type: application/json" \\
  -d '{"tenantId": "acme", "userId": "ada", "permissions": ["fe.connectivity.*"]}'
`;
}

export function embedSnippet(way: "element" | "frame", origin: string, environmentId: string): string {
  if (way === "element") {
    return `<script type="module" src="${origin}/portal/embed.js"></script>
<!-- link: the url of the answer -->
<postrider-portal link="${origin}/portal/${environmentId}?session=…#code=…"></postrider-portal>
`;
  }
  return `<!-- src: the url of the answer -->
<iframe id="webhooks" title="Webhooks" allow="clipboard-write" style="width: 100%; border: 0"
  src="${origin}/portal/${environmentId}?session=…#code=…"></iframe>
<script>
  const frame = document.getElementById("webhooks");
  addEventListener("message", event => {
    if (event.source === frame.contentWindow && event.data.type === "postrider:resize") {
      frame.style.height = event.data.height + "px";
    }
  });
</script>
`;
}

//! What a vendor's developers copy to embed the portal.

/** `base`: the address that portal links begin with, with its path and without a slash at its end. */
export function linkSnippet(base: string): string {
  return `curl ${base}/api/v1/portal-links \\
  -H "authorization: Bearer $TOKEN" -H "content-type: application/json" \\
  -d '{"tenantId": "acme", "userId": "ada", "permissions": ["fe.connectivity.*"]}'
`;
}

export function embedSnippet(way: "element" | "frame", base: string, environmentId: string): string {
  if (way === "element") {
    return `<script type="module" src="${base}/portal/embed.js"></script>
<!-- link: the url of the answer -->
<postrider-portal link="${base}/portal/${environmentId}?session=…#code=…"></postrider-portal>
`;
  }
  return `<!-- src: the url of the answer -->
<iframe id="webhooks" title="Webhooks" allow="clipboard-write" style="width: 100%; border: 0"
  src="${base}/portal/${environmentId}?session=…#code=…"></iframe>
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

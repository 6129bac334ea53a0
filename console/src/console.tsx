//! The console: `/`.
import "@/shell/nonce";
import "@/shell/mode";
import "@/ui/tokens.css";
import "@/ui/base.css";
import "@/ui/ui.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Language } from "@/i18n";
import { consoleFace, FaceProvider } from "@/shell/face";
import { makeQueryClient } from "@/shell/queries";
import { makeRouter } from "@/shell/router";

const queries = makeQueryClient(() => {
  // The session has ended: what was read is forgotten, and where one was is kept for after signing in.
  const { pathname, href } = router.state.location;
  if (pathname === "/sign-in") return;
  queries.clear();
  void router.navigate({ to: "/sign-in", search: { next: href, ended: "1" } });
});
const router = makeRouter(queries);

const root = document.getElementById("root");
if (!root) throw new Error("the page has a root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      {/* The console speaks English; the portal, which tenants see, speaks their language. */}
      <Language tag="en">
        <FaceProvider value={consoleFace}>
          <RouterProvider router={router} />
        </FaceProvider>
      </Language>
    </QueryClientProvider>
  </StrictMode>,
);

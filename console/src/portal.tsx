//! The portal: `/portal/{environment}`.
import "@/shell/nonce";
import "@/shell/mode";
import "@/ui/tokens.css";
import "@/ui/base.css";
import "@/ui/ui.css";
import { createRoot } from "react-dom/client";
import { chooseLanguage, Language } from "@/i18n";
import { Portal } from "@/portal/app";
import "@/portal/portal.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has a root");
createRoot(root).render(
  <Language tag={chooseLanguage(navigator.languages)}>
    <Portal />
  </Language>,
);

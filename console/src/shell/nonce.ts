//! The nonce under which libraries may add styles of their own.
import { setNonce } from "get-nonce";

const meta = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]');

/** Undefined where the page came without one: the development server. */
export const nonce: string | undefined = meta?.nonce || meta?.getAttribute("nonce") || undefined;

if (nonce) setNonce(nonce);

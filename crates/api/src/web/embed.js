// <postrider-portal>: the portal of Postrider inside a page of yours. See docs/embedding.md.
//
//   <script type="module" src="https://hooks.example.com/portal/embed.js"></script>
//   <postrider-portal link="https://hooks.example.com/portal/…#code=…"></postrider-portal>
//
// Attributes: `link`, a portal link from your server; or `portal`, the portal's address, with the user's token in the property
// `token`. `accent`, `mode`, `radius` and `font-family` are laid over the theme. `label` is the frame's name for screen readers.
// Property `renew`: a function, called when the session ends, if possible a little before, that returns a new link or token, or a
// promise of one.
// Events: `postrider-ready`, `postrider-resize` ({height}), `postrider-expired`.
(() => {
  'use strict';

  const LEAST_HEIGHT = 240;
  const MOST_HEIGHT = 20_000;
  const THEME = { accent: 'accent', mode: 'mode', radius: 'radius', 'font-family': 'fontFamily' };

  class PostriderPortal extends HTMLElement {
    static observedAttributes = ['link', 'portal', 'label', ...Object.keys(THEME)];

    #frame = null;
    #origin = null;
    #isReady = false;
    #isRenewing = false;
    #token = null;
    #renew = null;

    constructor() {
      super();
      this.attachShadow({ mode: 'open' });
    }

    get token() {
      return this.#token;
    }

    set token(token) {
      this.#token = token ?? null;
      this.#sendToken();
    }

    get renew() {
      return this.#renew;
    }

    set renew(renew) {
      this.#renew = typeof renew === 'function' ? renew : null;
    }

    connectedCallback() {
      // What was set before the element was known lies on the object itself, and hides what is set above.
      for (const name of ['token', 'renew']) {
        if (Object.hasOwn(this, name)) {
          const value = this[name];
          delete this[name];
          this[name] = value;
        }
      }
      if (!this.style.display) this.style.display = 'block';
      window.addEventListener('message', this.#hear);
      this.#open();
    }

    disconnectedCallback() {
      window.removeEventListener('message', this.#hear);
      this.#frame?.remove();
      this.#frame = null;
      this.#isReady = false;
    }

    attributeChangedCallback(name, before, now) {
      if (!this.isConnected || before === now) return;
      if (name === 'link' || name === 'portal') this.#open();
      else if (name === 'label' && this.#frame) this.#frame.title = this.#label();
      else this.#sendTheme();
    }

    #label() {
      return this.getAttribute('label') ?? 'Webhooks';
    }

    // Opens what the attributes name: in the frame that is there, where it shows the same portal already.
    #open() {
      const text = this.getAttribute('link') ?? this.getAttribute('portal');
      if (!text) return;
      const url = new URL(text, document.baseURI);
      if (url.protocol !== 'https:' && url.protocol !== 'http:') {
        throw new TypeError('postrider-portal: a link begins with https://');
      }
      const code = new URLSearchParams(url.hash.slice(1)).get('code');
      const shown = this.#frame && new URL(this.#frame.src);
      if (shown && this.#isReady && code && shown.origin === url.origin && shown.pathname === url.pathname) {
        this.#send({ type: 'postrider:code', code });
        return;
      }
      this.#frame?.remove();
      this.#isReady = false;
      this.#origin = url.origin;
      const frame = document.createElement('iframe');
      frame.title = this.#label();
      frame.referrerPolicy = 'no-referrer';
      frame.allow = 'clipboard-write';
      Object.assign(frame.style, { display: 'block', width: '100%', border: '0', height: `${LEAST_HEIGHT}px` });
      frame.src = url.href;
      this.#frame = frame;
      this.shadowRoot.append(frame);
    }

    #send(message) {
      // To the portal's origin alone: whatever else the frame was led to gets no code and no token.
      this.#frame?.contentWindow?.postMessage(message, this.#origin);
    }

    #sendToken() {
      if (this.#isReady && this.#token) this.#send({ type: 'postrider:token', token: this.#token });
    }

    #sendTheme() {
      if (!this.#isReady) return;
      const theme = {};
      for (const [attribute, member] of Object.entries(THEME)) {
        const value = this.getAttribute(attribute);
        if (value !== null) theme[member] = member === 'radius' ? Number(value) : value;
      }
      if (Object.keys(theme).length > 0) this.#send({ type: 'postrider:theme', theme });
    }

    #hear = (event) => {
      if (!this.#frame || event.source !== this.#frame.contentWindow || event.origin !== this.#origin) return;
      const message = event.data;
      switch (message?.type) {
        case 'postrider:ready':
          this.#isReady = true;
          this.#sendTheme();
          this.#sendToken();
          this.dispatchEvent(new CustomEvent('postrider-ready'));
          break;
        case 'postrider:resize': {
          if (!Number.isFinite(message.height)) return;
          const height = Math.min(Math.max(Math.ceil(message.height), LEAST_HEIGHT), MOST_HEIGHT);
          this.#frame.style.height = `${height}px`;
          this.dispatchEvent(new CustomEvent('postrider-resize', { detail: { height } }));
          break;
        }
        case 'postrider:navigate':
          // Another page of the portal is read from its top, as it would be without a frame.
          if (this.#frame.getBoundingClientRect().top < 0) this.scrollIntoView({ block: 'start' });
          break;
        case 'postrider:expiring':
          this.#askForMore();
          break;
        case 'postrider:expired':
          this.dispatchEvent(new CustomEvent('postrider-expired'));
          this.#askForMore();
          break;
      }
    };

    async #askForMore() {
      if (!this.#renew || this.#isRenewing) return;
      this.#isRenewing = true;
      try {
        const fresh = await this.#renew();
        if (typeof fresh !== 'string' || !fresh) return;
        // A token has three parts and no colon, a link has its scheme.
        if (/^https?:/.test(fresh)) this.setAttribute('link', fresh);
        else this.token = fresh;
      } catch (error) {
        console.error('postrider-portal: no new link or token', error);
      } finally {
        this.#isRenewing = false;
      }
    }
  }

  if (!customElements.get('postrider-portal')) customElements.define('postrider-portal', PostriderPortal);
})();

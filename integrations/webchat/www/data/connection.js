// The socket to the hub: comes back by itself, sooner when the network or the person does.

const FIRST_WAIT = 500; // ms
const LONGEST_WAIT = 15_000;
const PING_EVERY = 20_000;
const PONG_WITHIN = 10_000;
const SIGN_IN_AGAIN = 4401;

export class Connection extends EventTarget {
  /** Fires "open", "closed" (detail: {wait}), "message" (detail: the message), and "signed-out". */
  constructor(url) {
    super();
    this.url = url;
    this.isOpen = false;
    this.failures = 0;
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.hurry();
    });
  }

  start() {
    clearTimeout(this.retry);
    this.retry = undefined;
    const socket = (this.socket = new WebSocket(this.url));
    socket.addEventListener("open", () => {
      if (socket !== this.socket) return;
      this.isOpen = true;
      this.failures = 0;
      this.pings = setInterval(() => this.ping(), PING_EVERY);
      this.tell("open");
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.socket) return;
      clearTimeout(this.silence);
      const message = JSON.parse(data);
      if (message.type !== "pong") this.tell("message", message);
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this.socket) this.lost(code);
    });
  }

  /** False when there is no connection: nothing is kept here. */
  send(message) {
    if (!this.isOpen || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Try now what would be tried later. */
  hurry() {
    if (this.isOpen) this.ping();
    else if (this.retry !== undefined) this.start();
  }

  ping() {
    if (!this.send({ type: "ping" })) return;
    clearTimeout(this.silence);
    // the browser may take minutes to notice that the other side is gone
    this.silence = setTimeout(() => {
      const socket = this.socket;
      this.lost(0);
      socket.close();
    }, PONG_WITHIN);
  }

  async lost(code) {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.socket = undefined;
    clearInterval(this.pings);
    clearTimeout(this.silence);
    if (code === SIGN_IN_AGAIN || (!wasOpen && (await this.isSignedOut()))) {
      this.tell("signed-out");
      return;
    }
    this.failures += 1;
    const longest = Math.min(FIRST_WAIT * 2 ** (this.failures - 1), LONGEST_WAIT);
    const wait = longest * (0.75 + Math.random() / 2);
    this.retry = setTimeout(() => this.start(), wait);
    this.tell("closed", { wait });
  }

  /** A socket that was refused does not say why. */
  async isSignedOut() {
    try {
      return (await fetch("/auth/me", { cache: "no-store" })).status === 401;
    } catch {
      return false;
    }
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

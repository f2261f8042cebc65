// The server's API: key, errors, requests. Addresses are relative to the page, which may lie behind a prefix of a proxy.

export const key = {
  get: () => sessionStorage.getItem("roundelay-key") ?? "",
  set: (value) => sessionStorage.setItem("roundelay-key", value),
};

export class ServerError extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = body?.error?.code ?? "";
  }
}

/** The response of a request; throws ServerError with the server's message if it is not ok. */
export async function call(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key.get()) headers.set("authorization", `Bearer ${key.get()}`);
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server cannot be reached; is it still running?");
  }
  if (!response.ok) {
    if (response.status === 401) document.dispatchEvent(new Event("key-wanted"));
    throw new ServerError(response.status, await response.json().catch(() => null));
  }
  return response;
}

export const json = async (path, options) => (await call(path, options)).json();

export const post = (path, value, options = {}) =>
  call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value), ...options });

/** A WebSocket of a Realtime conversation; the key is sent as a subprotocol, since browsers set no headers there. */
export function socket() {
  const protocols = ["realtime", ...(key.get() ? [`openai-insecure-api-key.${key.get()}`] : [])];
  const address = new URL("v1/realtime?model=roundelay", document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(address, protocols);
}

/** Show an error in an element, or hide it. */
export function complain(element, error) {
  element.hidden = !error;
  element.textContent = error ? `${error.message ?? error}`.replace(/^./, (first) => first.toUpperCase()) : "";
}

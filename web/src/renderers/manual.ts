// Before Prism's core: it is not to look for code in the page by itself.
;(window as { Prism?: unknown }).Prism = { manual: true, disableWorkerMessageHandler: true }
export {}

/** Texts that run a script, each in another place of a page: within text, an attribute, a script, a style, a template. */
const run = 'window.ran=1'
const carriers = [
  `<script>${run}</script>`,
  `<ScRiPt >${run}</sCrIpT>`,
  `<img src=x onerror=${run}>`,
  `<svg/onload=${run}>`,
  `<svg><animate onbegin=${run} attributeName=x dur=1s>`,
  `<iframe srcdoc="<script>parent.${run}</script>"></iframe>`,
  `<iframe src="javascript:parent.${run}">`,
  `<a href="javascript:${run}">click</a>`,
  `<details open ontoggle=${run}>`,
  `<input autofocus onfocus=${run}>`,
  `<body onload=${run}>`,
  `<object data="javascript:${run}">`,
  `<math href="javascript:${run}">x</math>`,
  `<style>@import 'javascript:${run}';</style>`,
  `<link rel=stylesheet href="javascript:${run}">`,
  `<meta http-equiv=refresh content="0;url=javascript:${run}">`,
  `<form action="javascript:${run}"><button>go</button></form>`,
  `<template><script>${run}</script></template>`,
  `<base href="javascript:${run}//">`,
  `javascript:${run}`,
  `data:text/html,<script>${run}</script>`,
  `{{constructor.constructor('${run}')()}}`,
  `\${${run}}`,
  `=HYPERLINK("javascript:${run}")`,
  `\u001b[31m<script>${run}</script>\u001b[0m`,
]
/** What ends the text, attribute, comment or script that it might stand in. */
const breakouts = ['', '">', "'>", '</title></textarea></style></script>', '--><!-- -->', '\\";//']

export const scriptPayloads: string[] = carriers.flatMap((carrier) => breakouts.map((breakout) => breakout + carrier))

import resolve from '@rollup/plugin-node-resolve'
import typescript from '@rollup/plugin-typescript'

const input = 'guest-js/index.ts'

export default [
  {
    input,
    external: /^@tauri-apps\/api/,
    output: [
      { file: 'dist-js/index.js', format: 'es' },
      { file: 'dist-js/index.cjs', format: 'cjs' },
    ],
    plugins: [typescript({ noEmit: false, declaration: true, outDir: 'dist-js', rootDir: 'guest-js' })],
  },
  // What a page without a bundler gets as `window.__TAURI__.hearken`.
  {
    input,
    output: {
      file: 'api-iife.js',
      format: 'iife',
      name: '__TAURI_PLUGIN_HEARKEN__',
      banner: "if ('__TAURI__' in window) {",
      footer: "Object.defineProperty(window.__TAURI__, 'hearken', { value: __TAURI_PLUGIN_HEARKEN__ }) }",
    },
    plugins: [resolve(), typescript({ noEmit: false })],
  },
]

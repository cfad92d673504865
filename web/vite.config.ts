import { defineConfig } from 'vite'

// The build is committed and embedded (web.go), so its names are fixed and its
// bytes depend on the sources and package-lock.json alone. Chunks bear the name
// of the file that is imported lazily.
export default defineConfig({
  base: '/',
  build: {
    outDir: 'dist',
    target: 'es2023',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/viewer.js',
        chunkFileNames: 'assets/[name].js',
        // What the first load and lazy parts share: one file, not one a module.
        codeSplitting: {
          groups: [{ name: 'shared', test: /web\/src\/(api|ui|detail|filter)\/|src\/(route|explorer\/(InstanceSwitch|scope|summary|known|TimeRange))\.|node_modules\/(preact|@preact)\// }],
        },
        assetFileNames: (asset) => (asset.names.some((n) => n.endsWith('.css')) ? 'assets/viewer.css' : 'assets/[name][extname]'),
      },
    },
  },
  // `npm run dev` beside `firn serve`.
  server: { proxy: { '/v1': 'http://127.0.0.1:7070' } },
})

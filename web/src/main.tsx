import { render } from 'preact'
import './style/tokens.css'
import './style/base.css'
import './style/shell.css'
import './style/explorer.css'
import './style/detail.css'
import './style/renderers.css'
import './style/pages.css'
import { App } from './App.tsx'

const root = document.getElementById('app')
if (root) render(<App />, root)

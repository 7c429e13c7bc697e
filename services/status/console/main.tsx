import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Router } from 'wouter'
import { App } from './app.tsx'
import { queryClient } from './queries.ts'
import { SessionProvider } from './session.tsx'
import { applyTheme } from './theme.ts'
import './style/base.css'
import './style/parts.css'
import './style/views.css'

applyTheme()
createRoot(document.getElementById('console') as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Router base="/console">
        <SessionProvider>
          <App />
        </SessionProvider>
      </Router>
    </QueryClientProvider>
  </StrictMode>,
)

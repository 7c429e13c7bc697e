import type { ButtonHTMLAttributes } from 'react'
import { Icon, type IconName } from './icon.tsx'

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { kind?: 'primary' | 'danger' | 'plain'; icon?: IconName; busy?: boolean }

export const Button = ({ kind = 'plain', icon, busy = false, children, className = '', disabled, type = 'button', ...rest }: Props) => (
  <button type={type} className={`button ${kind} ${className}`} disabled={disabled || busy} aria-busy={busy} {...rest}>
    {icon && <Icon name={icon} />}
    {children}
  </button>
)

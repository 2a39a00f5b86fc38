/** The logo: a path from one point to another, and the name. */

export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="currentColor" />
        <path d="M7 24c0-9 5-9 9-9s9 0 9-8" fill="none" stroke="var(--page)" strokeWidth="3" strokeLinecap="round" />
        <circle cx="7" cy="24" r="3" fill="var(--page)" />
        <circle cx="25" cy="7" r="3" fill="var(--page)" />
      </svg>
      <span className="logo-name">Longhaul</span>
    </span>
  );
}

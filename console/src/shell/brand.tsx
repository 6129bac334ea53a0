export function Brand() {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="#4353d8" />
        <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round">
          <path d="M7 20.5a4.5 4.5 0 1 0 9 0v-6a6 6 0 0 1 9.5-4.9" />
          <path d="m22.2 7.4 4.2 2-1.7 4.3" />
        </g>
        <circle cx="11.5" cy="20.5" r="1.7" fill="#fff" />
      </svg>
      Postrider
    </span>
  );
}

//! A surface with a title.
import type { ReactNode } from "react";
import { classes } from "./classes";

export function Card({
  title,
  actions,
  foot,
  flush = false,
  children,
  className,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  foot?: ReactNode;
  /** The content reaches the edges: a table. */
  flush?: boolean;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={classes("card", className)}>
      {(title || actions) && (
        <div className="card-head">
          <h2>{title}</h2>
          {actions && <div className="row">{actions}</div>}
        </div>
      )}
      {flush ? children : <div className="card-body">{children}</div>}
      {foot && <div className="card-foot">{foot}</div>}
    </section>
  );
}

import type { ComponentProps, ReactNode } from "react";
import { Icon, type IconName } from "./Icon";
import { Ring } from "./Ring";
import { Tip } from "./Tip";

interface ButtonProps extends ComponentProps<"button"> {
  kind?: "plain" | "primary" | "danger" | "quiet" | "line";
  size?: "small" | "normal" | "large";
  icon?: IconName;
  /** The action is under way: the button cannot be pressed and says so. */
  busy?: boolean;
  wide?: boolean;
}

export function Button(props: ButtonProps) {
  const {
    kind = "plain",
    size = "normal",
    icon,
    busy = false,
    wide = false,
    children,
    disabled,
    className,
    ...rest
  } = props;
  const classes = ["button", kind, size, wide && "wide", className].filter(Boolean).join(" ");
  return (
    <button
      type="button"
      {...rest}
      className={classes}
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
    >
      {busy ? <Ring /> : icon && <Icon name={icon} small />}
      {children}
    </button>
  );
}

interface IconButtonProps extends ComponentProps<"button"> {
  icon: IconName;
  /** Its name, also shown as a tooltip. */
  label: string;
  /** The key that does the same. */
  keys?: string;
  size?: "small" | "normal";
  on?: boolean;
  children?: ReactNode;
}

export function IconButton({ icon, label, keys, size = "normal", on = false, children, ...rest }: IconButtonProps) {
  const classes = ["icon-button", size, on && "on"].filter(Boolean).join(" ");
  return (
    <Tip text={label} keys={keys}>
      <button
        type="button"
        aria-label={label}
        aria-keyshortcuts={keys?.replace(" ", "+")}
        {...rest}
        className={classes}
      >
        <Icon name={icon} small={size === "small"} />
        {children}
      </button>
    </Tip>
  );
}

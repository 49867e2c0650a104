import * as Dropdown from "@radix-ui/react-dropdown-menu";
import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

interface MenuProps {
  /** The button that opens it. */
  trigger: ReactNode;
  side?: "top" | "bottom";
  align?: "start" | "end";
  children: ReactNode;
}

/** Beside its trigger, so that it stays in that landmark. Not modal: nothing else is blocked, and no style is injected, which the content security policy would refuse. */
export function Menu({ trigger, side = "top", align = "start", children }: MenuProps) {
  return (
    <Dropdown.Root modal={false}>
      <Dropdown.Trigger asChild>{trigger}</Dropdown.Trigger>
      <Dropdown.Content className="menu" side={side} align={align} sideOffset={6} collisionPadding={8}>
        {children}
      </Dropdown.Content>
    </Dropdown.Root>
  );
}

interface MenuItemProps {
  icon?: IconName;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
  children: ReactNode;
}

export function MenuItem({ icon, danger = false, disabled = false, onSelect, children }: MenuItemProps) {
  return (
    <Dropdown.Item className={danger ? "menu-item danger" : "menu-item"} disabled={disabled} onSelect={onSelect}>
      {icon ? <Icon name={icon} /> : <span className="menu-gap" />}
      <span className="grow">{children}</span>
    </Dropdown.Item>
  );
}

interface MenuChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [value: T, label: string])[];
  onChange: (value: T) => void;
}

export function MenuChoice<T extends string>({ label, value, options, onChange }: MenuChoiceProps<T>) {
  return (
    <Dropdown.RadioGroup
      value={value}
      onValueChange={(next) => {
        const option = options.find(([of]) => of === next);
        if (option) onChange(option[0]);
      }}
    >
      <Dropdown.Label className="menu-label">{label}</Dropdown.Label>
      {options.map(([option, text]) => (
        <Dropdown.RadioItem key={option} className="menu-item" value={option}>
          <span className="menu-gap">
            <Dropdown.ItemIndicator>
              <Icon name="check" />
            </Dropdown.ItemIndicator>
          </span>
          <span className="grow">{text}</span>
        </Dropdown.RadioItem>
      ))}
    </Dropdown.RadioGroup>
  );
}

/** Text in a menu that is no item. */
export function MenuNote({ children }: { children: ReactNode }) {
  return <Dropdown.Label className="menu-note">{children}</Dropdown.Label>;
}

export function MenuLine() {
  return <Dropdown.Separator className="menu-line" />;
}
